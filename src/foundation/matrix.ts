import ndarray from 'ndarray';
import { ShapeMismatchError } from './errors.js';

/** A float32 matrix as a strided view, shape [rows, columns]; every numeric function takes and returns these. */
export type Matrix = ndarray.NdArray<Float32Array>;

/**
 * Views data as a row-major matrix; no copy.
 *
 * @param data rows · columns values; allocated as zeros when left out
 * @throws ShapeMismatchError when the length is another; retrying does not help
 */
export const matrix = (rows: number, columns: number, data: Float32Array = new Float32Array(rows * columns)): Matrix => {
  if (data.length !== rows * columns)
    throw new ShapeMismatchError(`A [${rows}, ${columns}] matrix needs ${rows * columns} values, not ${data.length}.`);
  return ndarray(data, [rows, columns]);
};

/** Number of rows. */
export const rowsOf = (a: Matrix): number => a.shape[0]!;

/** Number of columns. */
export const columnsOf = (a: Matrix): number => a.shape[1]!;

/** True when the view covers its values in row-major order without gaps. */
export const isRowMajor = (a: Matrix): boolean => {
  const [rows, columns] = a.shape as [number, number];
  return (columns <= 1 || a.stride[1] === 1) && (rows <= 1 || a.stride[0] === columns);
};

/** The values in row-major order: a view where the matrix is row-major already, else a copy. */
export const rowMajor = (a: Matrix): Float32Array => {
  const [rows, columns] = a.shape as [number, number];
  if (isRowMajor(a)) return a.data.subarray(a.offset, a.offset + rows * columns);
  const out = new Float32Array(rows * columns);
  if (a.stride[1] === 1)
    for (let i = 0, from = a.offset; i < rows; i++, from += a.stride[0]!) out.set(a.data.subarray(from, from + columns), i * columns);
  else copyStrided(a, out);
  return out;
};

/** Copies in strips of columns, so that a transposed view is read row by row and written a cache line at a time. */
const copyStrided = ({ data, offset, shape, stride }: Matrix, out: Float32Array): void => {
  const [rows, columns] = shape as [number, number];
  const [rowStride, columnStride] = stride as [number, number];
  const strip = 16;
  for (let left = 0; left < columns; left += strip) {
    const right = Math.min(left + strip, columns);
    for (let i = 0; i < rows; i++) {
      let from = offset + i * rowStride + left * columnStride;
      for (let j = left; j < right; j++, from += columnStride) out[i * columns + j] = data[from]!;
    }
  }
};

/** The transposed view; no copy. */
export const transposed = (a: Matrix): Matrix => a.transpose(1, 0);

/** A matrix as cloneable data, for crossing threads: values in row-major order. */
export interface PlainMatrix {
  readonly data: Float32Array;
  /** [rows, columns] */
  readonly shape: readonly [number, number];
}

/** Takes a matrix apart; no copy where it is row-major. */
export const toPlain = (a: Matrix): PlainMatrix => ({ data: rowMajor(a), shape: [rowsOf(a), columnsOf(a)] });

/** Puts a matrix together again; no copy. */
export const fromPlain = ({ data, shape }: PlainMatrix): Matrix => matrix(shape[0], shape[1], data);
