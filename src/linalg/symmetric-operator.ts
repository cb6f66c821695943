import { columnsOf, matrix, rowsOf, type Matrix, type Random } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';

/** A symmetric positive semidefinite matrix, known by what it does to a block of vectors. */
export interface SymmetricOperator {
  /** Rows and columns of the matrix. */
  readonly dimension: number;
  /** Sum of its eigenvalues where that is known; lets an iteration measure the energy it has not captured. */
  readonly trace: number | undefined;
  /** Multiplies a block of vectors, M · V, [dimension, k], row-major; V is left as it was. */
  apply(V: Matrix): Promise<Matrix>;
  /** Draws a block that leans towards the leading eigenvectors, [dimension, columns], where that costs less than applying M to a drawn one. */
  draw?(columns: number, stream: Random): Promise<Matrix>;
}

/** Sum of the diagonal in float64. */
export const traceOf = (M: Matrix): number => {
  let sum = 0;
  for (let i = 0; i < Math.min(rowsOf(M), columnsOf(M)); i++) sum += M.get(i, i);
  return sum;
};

/** Wraps a dense symmetric positive semidefinite matrix, both triangles filled. */
export const denseOperator = (M: Matrix, engine: MatrixEngine): SymmetricOperator => ({
  dimension: rowsOf(M),
  trace: traceOf(M),
  apply: (V) => engine.multiply(M, V),
});

/** The identity's first `columns` columns, [size, columns]. */
export const identity = (size: number, columns = size): Matrix => {
  const eye = matrix(size, columns);
  for (let i = 0; i < Math.min(size, columns); i++) eye.data[i * columns + i] = 1;
  return eye;
};
