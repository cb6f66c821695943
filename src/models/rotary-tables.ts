import type { ConfigReader } from './config-reader.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** Cosines and sines of rotary position embedding, each [positions, pairs], float32. */
export interface RotaryTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Angle of one position step for each pair of features, float32. */
export type RotaryFrequencies = Float32Array;

const defaultFrequencies = (theta: number, headSize: number): RotaryFrequencies =>
  Float32Array.from({ length: headSize / 2 }, (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / headSize)));

const scaleLlama3 = (frequencies: RotaryFrequencies, rope: ConfigReader): RotaryFrequencies => {
  const factor = rope.number('factor');
  const low = rope.number('low_freq_factor');
  const high = rope.number('high_freq_factor');
  const original = rope.number('original_max_position_embeddings');
  return frequencies.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength > original / low) return frequency / factor;
    if (wavelength < original / high) return frequency;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
};

/**
 * Reads rotary frequencies in both spellings of config.json: `rope_parameters` (transformers 5) and
 * `rope_theta` with `rope_scaling` (transformers 4).
 *
 * Formulas as in transformers' `modeling_rope_utils.py`: `default`, `linear` and `llama3`.
 *
 * @throws UnsupportedModelError for another kind of scaling
 */
export const readRotaryFrequencies = (config: ConfigReader, headSize: number): RotaryFrequencies => {
  const rope = config.section('rope_parameters') ?? config.section('rope_scaling');
  const theta = rope?.has('rope_theta') ? rope.number('rope_theta') : config.number('rope_theta', 10000);
  const frequencies = defaultFrequencies(theta, headSize);
  const kind = rope?.text('rope_type', rope.text('type', 'default')) ?? 'default';
  if (rope === undefined || kind === 'default') return frequencies;
  if (kind === 'linear') {
    const factor = rope.number('factor');
    return frequencies.map((frequency) => frequency / factor);
  }
  if (kind === 'llama3') return scaleLlama3(frequencies, rope);
  throw new UnsupportedModelError(`config.json asks for rope scaling "${kind}"; default, linear and llama3 are supported.`);
};

/** Tabulates cosines and sines for positions 0 … positions − 1; angles are float32 products, as in transformers. */
export const tabulateRotary = (frequencies: RotaryFrequencies, positions: number): RotaryTables => {
  const pairs = frequencies.length;
  const cos = new Float32Array(positions * pairs);
  const sin = new Float32Array(positions * pairs);
  for (let position = 0; position < positions; position++)
    for (let i = 0; i < pairs; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * pairs + i] = Math.cos(angle);
      sin[position * pairs + i] = Math.sin(angle);
    }
  return { cos, sin };
};
