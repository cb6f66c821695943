import { DYNAMIC_MAP, nearestDynamicCode } from './dynamic-map.js';

const fround = Math.fround;

/** Scales of one matrix after their own quantization to 8 bits. */
export interface NestedScales {
  /** One a scale. */
  readonly codes: Uint8Array;
  /** One each 256 scales: the largest distance to the offset. */
  readonly absmax: Float32Array;
  /** Mean of the scales, a float32 value. */
  readonly offset: number;
}

/** Scales that share one second-level absmax. */
export const NESTED_BLOCK_SIZE = 256;

/**
 * Quantizes scales to 8 bits around their mean (QLoRA, section 3, double quantization), by the rule of
 * bitsandbytes' CUDA kernels.
 *
 * The mean is summed in float64 and rounded once: the order of sums in torch.mean depends on the device.
 */
export const nestScales = (scales: Float32Array): NestedScales => {
  let sum = 0;
  for (let i = 0; i < scales.length; i++) sum += scales[i]!;
  const offset = fround(scales.length ? sum / scales.length : 0);
  const codes = new Uint8Array(scales.length);
  const absmax = new Float32Array(Math.ceil(scales.length / NESTED_BLOCK_SIZE));
  for (let block = 0; block < absmax.length; block++) {
    const start = block * NESTED_BLOCK_SIZE;
    const end = Math.min(start + NESTED_BLOCK_SIZE, scales.length);
    let peak = 0;
    for (let i = start; i < end; i++) peak = Math.max(peak, Math.abs(fround(scales[i]! - offset)));
    absmax[block] = peak;
    const inverse = fround(1 / peak);
    for (let i = start; i < end; i++) codes[i] = nearestDynamicCode(fround(fround(scales[i]! - offset) * inverse));
  }
  return { codes, absmax, offset };
};

/**
 * Restores the scales as the loading library does: float32 product, then float32 sum.
 *
 * @param map the stored 256-entry table
 */
export const unnestScales = ({ codes, absmax, offset }: NestedScales, map: Float32Array = DYNAMIC_MAP): Float32Array => {
  const scales = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) scales[i] = fround(map[codes[i]!]! * absmax[i >> 8]!) + offset;
  return scales;
};
