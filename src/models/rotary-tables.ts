import { readConfig, type ConfigReader } from './config-reader.js';
import { rotaryScalings, type ScaledRotary } from './rotary-scaling.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** Cosines and sines of rotary position embedding, each [positions, pairs], float32. */
export interface RotaryTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** How fast the pairs of features of a head turn. */
export interface RotaryFrequencies extends ScaledRotary {
  /** Features of a head that turn, the first ones; the others pass unchanged. */
  readonly size: number;
  /** Longest window that the model with its scaling is made for, in tokens. */
  readonly maxPositions: number;
}

/** What a family knows about its rotary embedding beside config.json. */
export interface RotaryDefaults {
  /** Section with the scaling; left out, `rope_scaling` (transformers 4) or `rope_parameters` (transformers 5). */
  readonly rope?: ConfigReader | undefined;
  /** Key of config.json that names the base where the section does not, `rope_theta` when left out. */
  readonly thetaKey?: string;
  /** Base where nothing names one, 10000 when left out. */
  readonly theta?: number;
  /** Other names of kinds of scaling, for instance `su` for `longrope`. */
  readonly aliases?: ReadonlyMap<string, string>;
}

/** Far above the widest heads (512), far below what could not be held. */
const MOST_TURNING = 65_536;

/**
 * Reads rotary frequencies in both spellings of config.json: `rope_parameters` (transformers 5) and
 * `rope_theta` with `rope_scaling` (transformers 4).
 *
 * `dynamic` and `longrope` go by the longest window of the run, as transformers does for a batch of that length: shorter
 * windows of the run turn at the same speed, and may turn otherwise where they are computed alone.
 *
 * @param size features of a head that turn
 * @throws UnsupportedModelError for another kind of scaling
 */
export const readRotaryFrequencies = (config: ConfigReader, size: number, defaults: RotaryDefaults = {}): RotaryFrequencies => {
  const { thetaKey = 'rope_theta', theta: defaultTheta = 10000 } = defaults;
  if (!(size >= 2 && size <= MOST_TURNING && size % 2 === 0))
    throw new UnsupportedModelError(
      `config.json has ${size} features of a head turn; they turn in pairs, and at most ${MOST_TURNING} of them. Compare it with the original model's file.`,
    );
  const rope = defaults.rope ?? config.section('rope_scaling') ?? config.section('rope_parameters') ?? readConfig({});
  const theta = rope.has('rope_theta') ? rope.number('rope_theta') : config.number(thetaKey, defaultTheta);
  const maxPositions = config.count('max_position_embeddings', 2048);
  const originalPositions = config.count('original_max_position_embeddings', rope.count('original_max_position_embeddings', maxPositions));
  const named = rope.text('rope_type', rope.text('type', 'default'));
  const kind = defaults.aliases?.get(named) ?? named;
  const scale = rotaryScalings.get(kind);
  if (scale === undefined)
    throw new UnsupportedModelError(
      `config.json asks for rope scaling "${named}"; supported are ${[...rotaryScalings.keys()].join(', ')}.`,
    );
  // Some files give max_position_embeddings before scaling, others after it.
  const scaledPositions = kind === 'default' ? 0 : Math.floor(rope.number('factor', 1) * originalPositions);
  return { size, maxPositions: Math.max(maxPositions, scaledPositions), ...scale(rope, { size, theta, maxPositions, originalPositions }) };
};

/** Tabulates cosines and sines for every position of the longest window; angles are float32 products, as in transformers. */
export const tabulateRotary = (rotary: RotaryFrequencies, windowTokens: number): RotaryTables => {
  const frequencies = rotary.forWindow(windowTokens);
  const factor = Math.fround(rotary.attentionFactor);
  const pairs = frequencies.length;
  const cos = new Float32Array(windowTokens * pairs);
  const sin = new Float32Array(windowTokens * pairs);
  for (let position = 0; position < windowTokens; position++)
    for (let i = 0; i < pairs; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * pairs + i] = Math.fround(Math.cos(angle)) * factor;
      sin[position * pairs + i] = Math.fround(Math.sin(angle)) * factor;
    }
  return { cos, sin };
};
