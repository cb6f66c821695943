import { DTYPE_BYTES, toFloat32, type FloatDType } from '../foundation/index.js';

/** Columns of a product that are computed at once: their partial products stay in the processor's caches. */
const SPLIT_TILE_COLUMNS = 1024;

/** The largest magnitude is this many steps: 127 coarse steps of 256 fine ones. */
export const SPLIT_STEPS = 127 * 256;

/** Rows whose largest magnitude is below this are taken for zero, far below what float32 products can tell apart. */
export const SPLIT_FLOOR = 1e-30;

/** Some columns of a product, and the names of what it is computed from. */
export interface SplitTile {
  /** Output features `begin` … `end − 1`. */
  readonly begin: number;
  readonly end: number;
  readonly coarse: string;
  readonly fine: string;
  readonly scale: string;
}

/** Cuts the weight called `name`, of so many output features, into tiles. */
export const splitTiles = (name: string, outFeatures: number): SplitTile[] =>
  Array.from({ length: Math.ceil(outFeatures / SPLIT_TILE_COLUMNS) }, (_, i) => {
    const begin = i * SPLIT_TILE_COLUMNS;
    const of = (part: string): string => `${name} ${part} ${begin}`;
    return { begin, end: Math.min(outFeatures, begin + SPLIT_TILE_COLUMNS), coarse: of('coarse'), fine: of('fine'), scale: of('scale') };
  });

/** Two slices of a tile of a weight, transposed to [in, columns], and its scales [columns]: 256 fine steps each. */
export type SplitTensors = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Int8Array | Float32Array }>>;

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
 * max|row| / 32,512. Two bytes a weight.
 *
 * A row that holds NaN or an infinity gets the scale NaN.
 *
 * @param bytes the weight as it is stored, [out, in], row-major
 * @param allocate gives memory for a slice, which need not be zero
 * @returns for each tile its slices and scales, by the names of `splitTiles`
 */
export const splitWeight = (
  name: string,
  bytes: Uint8Array,
  dtype: FloatDType,
  [outFeatures, inFeatures]: readonly [number, number],
  allocate = (length: number): Int8Array => new Int8Array(length),
): SplitTensors => {
  const tensors: Record<string, SplitTensors[string]> = {};
  const rowBytes = inFeatures * DTYPE_BYTES[dtype];
  for (const { begin, end, coarse, fine, scale } of splitTiles(name, outFeatures)) {
    const width = end - begin;
    const [high, low] = [allocate(width * inFeatures), allocate(width * inFeatures)];
    const scales = new Float32Array(width);
    for (let first = begin; first < end; first += ROWS_AT_ONCE) {
      const last = Math.min(end, first + ROWS_AT_ONCE);
      const values = toFloat32(bytes.subarray(first * rowBytes, last * rowBytes), dtype);
      for (let row = first; row < last; row++) {
        const weights = values.subarray((row - first) * inFeatures, (row - first + 1) * inFeatures);
        const step = stepOf(weights);
        scales[row - begin] = 256 * step;
        if (step > 0) splitRow(weights, step, high, low, row - begin, width);
      }
    }
    tensors[coarse] = { data: high, shape: [inFeatures, width] };
    tensors[fine] = { data: low, shape: [inFeatures, width] };
    tensors[scale] = { data: scales, shape: [width] };
  }
  return tensors;
};
