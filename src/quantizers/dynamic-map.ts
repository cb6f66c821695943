const fround = Math.fround;

/**
 * Boundaries as torch.linspace(0.1, 1, steps) gives them: both halves grow from their own end, by fused
 * multiply-adds. A float64 sum of these float32 operands is exact, so rounding it once is the fused operation.
 */
const boundaries = (steps: number): Float32Array => {
  const start = fround(0.1);
  const step = fround(fround(1 - start) / (steps - 1));
  return Float32Array.from({ length: steps }, (_, i) => (i < steps >> 1 ? start + step * i : 1 - step * (steps - 1 - i)));
};

/**
 * Makes the 256 values of bitsandbytes' signed dynamic map, sorted ascending: 127 negative, 0 (index 127),
 * 127 positive, 1.
 *
 * Source: `create_dynamic_map` in bitsandbytes/functional.py.
 */
const createDynamicMap = (): Float32Array => {
  const values = [0, 1];
  for (let i = 0; i < 7; i++) {
    const scale = fround(10 ** (i - 6));
    const ends = boundaries(2 ** i + 1);
    for (let j = 0; j < 2 ** i; j++) {
      const mean = fround(fround(ends[j]! + ends[j + 1]!) / 2);
      values.push(fround(scale * mean), -fround(scale * mean));
    }
  }
  return Float32Array.from(values).sort();
};

/** The 8-bit code table of double quantization, shared: do not write to it. */
export const DYNAMIC_MAP = createDynamicMap();

/** Values above midpoint i are nearer to entry i + 1 than to entry i. */
const MIDPOINTS = DYNAMIC_MAP.subarray(0, 255).map((value, i) => fround(fround(value + DYNAMIC_MAP[i + 1]!) * 0.5));

/**
 * Finds the code of the map's entry nearest to y; a tie goes to the even code and NaN to code 0, as in
 * bitsandbytes' CUDA kernel (`dQuantize<0>`, csrc/kernels.cu).
 */
export const nearestDynamicCode = (y: number): number => {
  let low = 0;
  let high = 255;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (y > MIDPOINTS[middle]!) low = middle + 1;
    else high = middle;
  }
  return low < 255 && y === MIDPOINTS[low] ? low + (low & 1) : low;
};
