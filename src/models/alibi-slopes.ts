/** Slopes 2^(−8/n), 2^(−16/n), … for n heads, n a power of two; float32 powers of a float32 base, as in transformers. */
const geometric = (heads: number, count: number, step: number): number[] => {
  const base = Math.fround(2 ** (-8 / heads));
  return Array.from({ length: count }, (_, i) => base ** (1 + step * i));
};

/**
 * Computes the slope of each head's linear bias (ALiBi, arXiv 2108.12409), float32.
 *
 * Where the number of heads is no power of two, the largest one below gives its slopes first, and every other slope
 * of the next power of two follows. Reference: `_get_alibi_slopes` of transformers' `models/bloom/modeling_bloom.py`.
 */
export const alibiSlopes = (heads: number): Float32Array => {
  const power = 2 ** Math.floor(Math.log2(heads));
  return Float32Array.from([...geometric(power, power, 1), ...geometric(2 * power, heads - power, 2)]);
};
