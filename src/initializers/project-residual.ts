import { columnsOf, matrix, rowsOf, type Matrix } from '../foundation/index.js';
import { beside, orthonormalize, projectOut, truncatedSvd } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import type { Factors } from './contract.js';

/** Appends zero columns up to a width, or returns the matrix itself when it is that wide. */
export const padColumns = (M: Matrix, columns: number): Matrix =>
  columnsOf(M) >= columns ? M : beside(M, matrix(rowsOf(M), columns - columnsOf(M)));

/**
 * Makes the factors of the projection U Uᵀ E: A = U, B = EᵀU.
 *
 * Where U has fewer columns than the rank allows (fewer tokens than the rank, a zero statistic), the rest is spent on the leading
 * singular vectors of what the projection leaves of E: the calibrated loss does not rise, and the unseen directions gain.
 *
 * @param U [m, any], orthonormal
 * @param E residual W − Q, [m, n]
 * @returns A [m, rank] with orthonormal columns and B [n, rank]; columns beyond min(m, n) or beyond E's own rank are zero
 */
export const projectResidual = async (U: Matrix, E: Matrix, rank: number, engine: MatrixEngine): Promise<Factors> => {
  const attainable = Math.min(rank, rowsOf(E), columnsOf(E));
  const A = columnsOf(U) < attainable ? await fillFromResidual(U, E, attainable, engine) : U;
  const B = await engine.multiply(E, A, { transposeA: true });
  return { A: padColumns(A, rank), B: padColumns(B, rank) };
};

const fillFromResidual = async (U: Matrix, E: Matrix, columns: number, engine: MatrixEngine): Promise<Matrix> => {
  const rest = await projectOut(E, U, engine);
  const svd = await truncatedSvd(rest, columns - columnsOf(U), engine);
  let length = 0;
  for (let i = 0; i < rowsOf(E); i++) for (let j = 0; j < columnsOf(E); j++) length += E.get(i, j) ** 2;
  const floor = 1e-6 * Math.sqrt(length);
  let useful = 0;
  while (useful < svd.values.length && svd.values[useful]! > floor) useful++;
  const leading = svd.U.lo(0, 0).hi(rowsOf(E), useful);
  return orthonormalize(beside(U, leading), engine);
};
