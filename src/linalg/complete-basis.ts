import { columnsOf, matrix, rowMajor, rowsOf, type Matrix, type Random } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import { orthonormalize } from './orthonormalize.js';

/**
 * Removes from each column of V its part in the span of U: V − U Uᵀ V.
 *
 * @param V [n, k]
 * @param U [n, any], orthonormal
 * @returns [n, k], row-major; V itself when U has no columns
 */
export const projectOut = async (V: Matrix, U: Matrix, engine: MatrixEngine): Promise<Matrix> => {
  if (columnsOf(U) === 0) return V;
  const inside = await engine.multiply(U, await engine.multiply(U, V, { transposeA: true }));
  const values = rowMajor(V);
  for (let i = 0; i < values.length; i++) inside.data[i] = values[i]! - inside.data[i]!;
  return inside;
};

/** Sets two matrices of equal height side by side, row-major. */
export const beside = (left: Matrix, right: Matrix): Matrix => {
  const [rows, l, r] = [rowsOf(left), columnsOf(left), columnsOf(right)];
  if (r === 0) return left;
  if (l === 0) return right;
  const both = matrix(rows, l + r);
  const [leftData, rightData] = [rowMajor(left), rowMajor(right)];
  for (let i = 0; i < rows; i++) {
    both.data.set(leftData.subarray(i * l, (i + 1) * l), i * (l + r));
    both.data.set(rightData.subarray(i * r, (i + 1) * r), i * (l + r) + l);
  }
  return both;
};

/** Copies columns from … to − 1 into a row-major matrix. */
export const columnRange = (V: Matrix, from: number, to: number): Matrix => {
  const out = matrix(rowsOf(V), to - from);
  const data = rowMajor(V);
  const width = columnsOf(V);
  for (let i = 0; i < rowsOf(V); i++) out.data.set(data.subarray(i * width + from, i * width + to), i * (to - from));
  return out;
};

/** Draws a matrix of numbers between −½ and ½. */
export const uniformMatrix = (rows: number, columns: number, stream: Random): Matrix => {
  const drawn = matrix(rows, columns);
  for (let i = 0; i < drawn.data.length; i++) drawn.data[i] = stream.uniform() - 0.5;
  return drawn;
};

/**
 * Orthonormalizes V and draws further columns, where it has too few independent ones.
 *
 * @param V [n, any]
 * @param columns wanted; n − columns(against) at most
 * @param against [n, any], orthonormal; every column of the result is orthogonal to it. V must be so already.
 * @returns [n, columns], orthonormal, row-major; V's independent columns first
 */
export const completeBasis = async (
  V: Matrix,
  columns: number,
  engine: MatrixEngine,
  stream: Random,
  against = matrix(rowsOf(V), 0),
): Promise<Matrix> => {
  const n = rowsOf(V);
  let basis = await orthonormalize(V, engine);
  if (columnsOf(basis) > columns) basis = columnRange(basis, 0, columns);
  while (columnsOf(basis) < columns) {
    let drawn = uniformMatrix(n, columns - columnsOf(basis), stream);
    for (let pass = 0; pass < 2; pass++) {
      drawn = await projectOut(await projectOut(drawn, against, engine), basis, engine);
      drawn = await orthonormalize(drawn, engine);
    }
    basis = beside(basis, drawn);
  }
  return basis;
};
