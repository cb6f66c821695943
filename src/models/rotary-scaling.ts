import { MalformedConfigError, type ConfigReader } from './config-reader.js';

/** What every kind of scaling starts from. */
export interface RotaryBase {
  /** Features of a head that turn, two for each frequency. */
  readonly size: number;
  /** Base of the wavelengths (`rope_theta`). */
  readonly theta: number;
  /** `max_position_embeddings`. */
  readonly maxPositions: number;
  /** Positions before scaling (`original_max_position_embeddings`). */
  readonly originalPositions: number;
}

/** Frequencies of one kind of scaling. */
export interface ScaledRotary {
  /** Angle of one position step for each pair of features, float32, where the longest window has so many tokens. */
  forWindow(windowTokens: number): Float32Array;
  /** What cosines and sines are multiplied by. */
  readonly attentionFactor: number;
}

/** Reads the settings of one kind of scaling; formulas of transformers' `modeling_rope_utils.py`. */
type RotaryScaling = (rope: ConfigReader, base: RotaryBase) => ScaledRotary;

/** theta^(2i / size) in float32, as torch raises a number to a float32 tensor. */
const wavelengths = (theta: number, size: number): Float32Array =>
  Float32Array.from({ length: Math.floor(size / 2) }, (_, i) => theta ** Math.fround((2 * i) / size));

/** Frequencies without scaling: 1 / theta^(2i / size). */
const unscaledFrequencies = ({ theta, size }: Pick<RotaryBase, 'theta' | 'size'>): Float32Array =>
  wavelengths(theta, size).map((wavelength) => 1 / wavelength);

const always = (frequencies: Float32Array, attentionFactor = 1): ScaledRotary => ({ forWindow: () => frequencies, attentionFactor });

const scaleLinear: RotaryScaling = (rope, base) => {
  const factor = rope.number('factor');
  return always(unscaledFrequencies(base).map((frequency) => frequency / factor));
};

/** NTK scaling: past the model's positions the base grows with the window. */
const scaleDynamic: RotaryScaling = (rope, base) => {
  const factor = rope.number('factor');
  const { size, theta, maxPositions } = base;
  return {
    attentionFactor: 1,
    forWindow: (windowTokens) => {
      const stretch = (factor * Math.max(windowTokens, maxPositions)) / maxPositions - (factor - 1);
      return unscaledFrequencies({ size, theta: Math.fround(theta * stretch ** (size / (size - 2))) });
    },
  };
};

/** Short waves stay, long ones are stretched, those between are blended. */
const scaleLlama3: RotaryScaling = (rope, base) => {
  const factor = rope.number('factor');
  const low = rope.number('low_freq_factor');
  const high = rope.number('high_freq_factor');
  const original = base.originalPositions;
  return always(
    unscaledFrequencies(base).map((frequency) => {
      const wavelength = (2 * Math.PI) / frequency;
      if (wavelength > original / low) return frequency / factor;
      if (wavelength < original / high) return frequency;
      const smooth = (original / wavelength - low) / (high - low);
      return ((1 - smooth) * frequency) / factor + smooth * frequency;
    }),
  );
};

const magnitudeScale = (factor: number, weight = 1): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);

const yarnAttentionFactor = (rope: ConfigReader, factor: number): number => {
  if (rope.has('attention_factor')) return rope.number('attention_factor');
  const scale = rope.number('mscale', 0);
  const scaleAllSize = rope.number('mscale_all_dim', 0);
  return scale && scaleAllSize ? magnitudeScale(factor, scale) / magnitudeScale(factor, scaleAllSize) : magnitudeScale(factor);
};

/** YaRN (arXiv 2309.00071): pairs that turn often within the original positions stay, those that turn seldom are stretched. */
const scaleYarn: RotaryScaling = (rope, base) => {
  const { size, theta, maxPositions, originalPositions } = base;
  const factor = rope.number('factor', maxPositions / originalPositions);
  const pairTurning = (turns: number): number => (size * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  // Zero means the default here, as in the reference.
  const [fast, slow] = [pairTurning(rope.number('beta_fast', 0) || 32), pairTurning(rope.number('beta_slow', 0) || 1)];
  const whole = rope.flag('truncate', true);
  const begin = Math.max(whole ? Math.floor(fast) : fast, 0);
  let end = Math.min(whole ? Math.ceil(slow) : slow, size - 1);
  if (begin === end) end += 0.001;
  const frequencies = wavelengths(theta, size).map((wavelength, pair) => {
    const stretched = Math.min(Math.max((pair - begin) / (end - begin), 0), 1);
    return stretched / (factor * wavelength) + (1 - stretched) / wavelength;
  });
  return always(frequencies, yarnAttentionFactor(rope, factor));
};

/** LongRoPE (arXiv 2402.13753): a factor a pair, of one set up to the original positions and of another beyond. */
const scaleLongRope: RotaryScaling = (rope, base) => {
  const { size, theta, maxPositions, originalPositions } = base;
  const divided = (key: string): Float32Array => {
    const factors = rope.numbers(key) ?? [];
    if (factors.length !== Math.floor(size / 2))
      throw new MalformedConfigError(
        `config.json: the rope scaling's "${key}" has ${factors.length} factors, but ${size} features of a head turn in pairs. Compare it with the original model's file.`,
      );
    return wavelengths(theta, size).map((wavelength, pair) => 1 / Math.fround(Math.fround(factors[pair]!) * wavelength));
  };
  const [short, long] = [divided('short_factor'), divided('long_factor')];
  const factor = rope.number('factor', maxPositions / originalPositions);
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions));
  return {
    attentionFactor: rope.number('attention_factor', inferred),
    forWindow: (windowTokens) => (windowTokens > originalPositions ? long : short),
  };
};

/** Every kind of scaling, by `rope_type`. */
export const rotaryScalings: ReadonlyMap<string, RotaryScaling> = new Map([
  ['default', (_, base) => always(unscaledFrequencies(base))],
  ['linear', scaleLinear],
  ['dynamic', scaleDynamic],
  ['llama3', scaleLlama3],
  ['yarn', scaleYarn],
  ['longrope', scaleLongRope],
]);
