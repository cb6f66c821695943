import { columnsOf, matrix, rowMajor, rowsOf, type Matrix } from '../foundation/index.js';
import type { TruncatedSvd } from '../linalg/index.js';

const scaleColumns = (M: Matrix, scales: Float64Array): Matrix => {
  const k = columnsOf(M);
  return matrix(
    rowsOf(M),
    k,
    rowMajor(M).map((value, i) => value * scales[i % k]!),
  );
};

/** Splits U Σ Vᵀ evenly: A = U √Σ [m, k], B = V √Σ [n, k]. */
export const splitSvd = ({ U, values, V }: TruncatedSvd): { A: Matrix; B: Matrix } => {
  const roots = values.map(Math.sqrt);
  return { A: scaleColumns(U, roots), B: scaleColumns(V, roots) };
};
