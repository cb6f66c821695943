import { toFloat32, type FloatDType } from '../foundation/index.js';

/** Columns of a product that are computed at once: their partial products stay in the processor's caches. */
export const SPLIT_TILE_COLUMNS = 1024;

/** The largest magnitude is this many steps: 127 coarse steps of 256 fine ones. */
export const SPLIT_STEPS = 127 * 256;

/** Rows whose largest magnitude is below this are taken for zero, far below what float32 products can tell apart. */
export const SPLIT_FLOOR = 1e-30;

/** Where the slices of one tile lie in the bytes that `splitWeight` returns. */
export interface SplitTile {
  /** Output features `begin` … `end − 1`. */
  readonly begin: number;
  readonly end: number;
  /** Byte offsets: coarse slice [in, end − begin], fine slice of the same shape, both int8, and scale [end − begin], float32. */
  readonly coarse: number;
  readonly fine: number;
  readonly scale: number;
}

/** Lays out the slices of a weight [out, in]; `bytes` is the length of all of them. */
export const planSplit = (outFeatures: number, inFeatures: number): { readonly tiles: readonly SplitTile[]; readonly bytes: number } => {
  const tiles: SplitTile[] = [];
  let bytes = 4 * outFeatures;
  for (let begin = 0; begin < outFeatures; begin += SPLIT_TILE_COLUMNS) {
    const end = Math.min(outFeatures, begin + SPLIT_TILE_COLUMNS);
    const slice = (end - begin) * inFeatures;
    tiles.push({ begin, end, coarse: bytes, fine: bytes + slice, scale: 4 * begin });
    bytes += 2 * slice;
  }
  return { tiles, bytes };
};

/** Rows converted at once: as many columns of a slice as a cache line holds. */
const ROWS_AT_ONCE = 64;

/** Writes one row's slices down a column of its tile. */
const splitRow = (row: Float32Array, step: number, coarse: Int8Array, fine: Int8Array, column: number, width: number): void => {
  const inverse = 1 / step;
  for (let i = 0, at = column; i < row.length; i++, at += width) {
    // Beyond |steps| + ½ of rounding nothing occurs, so the coarse digit is within ± 127 and the fine one within −128 … 127.
    const steps = Math.round(row[i]! * inverse);
    const digit = (steps + 128) >> 8;
    coarse[at] = digit;
    fine[at] = steps - 256 * digit;
  }
};

/** Step of one row; NaN where the row holds a value that is not finite, so that its product is NaN and not a wrong number. */
const stepOf = (row: Float32Array): number => {
  let peak = SPLIT_FLOOR;
  let defect = 0;
  for (const value of row) {
    peak = Math.max(peak, Math.abs(value));
    defect += value - value;
  }
  return peak / SPLIT_STEPS + defect;
};

/**
 * Splits a weight into two int8 slices with a scale an output feature: W ≈ step · (256 · coarse + fine), fine steps of
 * max|row| / 32,512.
 *
 * A row that holds NaN or an infinity gets the scale NaN.
 *
 * @param bytes the weight as it is stored, [out, in], row-major
 * @returns slices and scales as `planSplit` lays them out; slices are transposed to [in, out], the scales are 256 · step
 */
export const splitWeight = (bytes: Uint8Array, dtype: FloatDType, outFeatures: number, inFeatures: number): Uint8Array => {
  const plan = planSplit(outFeatures, inFeatures);
  const split = new Uint8Array(plan.bytes);
  const scales = new Float32Array(split.buffer, 0, outFeatures);
  const rowBytes = bytes.length / Math.max(1, outFeatures);
  for (const { begin, end, coarse, fine } of plan.tiles) {
    const width = end - begin;
    const high = new Int8Array(split.buffer, coarse, width * inFeatures);
    const low = new Int8Array(split.buffer, fine, width * inFeatures);
    for (let first = begin; first < end; first += ROWS_AT_ONCE) {
      const last = Math.min(end, first + ROWS_AT_ONCE);
      const values = toFloat32(bytes.subarray(first * rowBytes, last * rowBytes), dtype);
      for (let row = first; row < last; row++) {
        const weights = values.subarray((row - first) * inFeatures, (row - first + 1) * inFeatures);
        const step = stepOf(weights);
        scales[row] = 256 * step;
        if (step > 0) splitRow(weights, step, high, low, row - begin, width);
      }
    }
  }
  return split;
};
