import { columnsOf, matrix, rowsOf, type Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import { choleskyInverse } from './cholesky.js';

/** A pivot this small leaves too few of float32's digits in the Gram matrix. */
const leastTrustedPivot = 1e-4;
/** With every pivot above this, one pass is already orthonormal to rounding. */
const settledPivot = 0.5;
/** A column whose rest is shorter than this part of it lies in the span of those before it, to float32 rounding. */
const dependentPart = 1e-6;

/**
 * Finds an orthonormal basis of the columns of V, thin: QᵀQ = I and span(Q) = span(V).
 *
 * CholeskyQR, repeated until the Gram matrix is the identity (Yamamoto et al. 2015); where the Gram matrix is singular
 * in float32, Gram–Schmidt in float64, which drops columns that depend on earlier ones. Column j of V lies in the span of the
 * first j columns of Q as long as none was dropped.
 *
 * @param V [n, k], float32
 * @returns Q [n, rank], row-major; rank ≤ min(n, k) counts columns that are independent to one part in 10⁶
 *
 * Cost: 4 · n · k² operations a pass in the engine, one or two passes; 4 · n · k² in JavaScript for dependent columns.
 */
export const orthonormalize = async (V: Matrix, engine: MatrixEngine): Promise<Matrix> => {
  const k = columnsOf(V);
  if (k === 0 || rowsOf(V) === 0) return matrix(rowsOf(V), 0);
  if (k > rowsOf(V)) return gramSchmidt(V);
  let basis = V;
  for (let pass = 0; pass < 3; pass++) {
    const gram = await engine.multiply(basis, basis, { transposeA: true });
    const factor = choleskyInverse(new Float64Array(gram.data), k, leastTrustedPivot);
    if (!factor) return gramSchmidt(basis);
    basis = await engine.multiply(basis, matrix(k, k, new Float32Array(factor.inverse)));
    if (factor.leastPivot > settledPivot) return basis;
  }
  return gramSchmidt(basis);
};

/** Gram–Schmidt in float64, each column twice ("twice is enough", Giraud et al. 2005). */
const gramSchmidt = (V: Matrix): Matrix => {
  const [n, k] = [rowsOf(V), columnsOf(V)];
  const kept: Float64Array[] = [];
  for (let j = 0; j < k && kept.length < n; j++) {
    const column = Float64Array.from({ length: n }, (_, i) => V.get(i, j));
    const length = normOf(column);
    for (let pass = 0; pass < 2; pass++) for (const q of kept) subtractProjection(column, q);
    const rest = normOf(column);
    if (!(rest > dependentPart * length)) continue;
    for (let i = 0; i < n; i++) column[i] = column[i]! / rest;
    kept.push(column);
  }
  const basis = matrix(n, kept.length);
  kept.forEach((column, j) => {
    for (let i = 0; i < n; i++) basis.data[i * kept.length + j] = column[i]!;
  });
  return basis;
};

const normOf = (x: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * x[i]!;
  return Math.sqrt(sum);
};

const subtractProjection = (x: Float64Array, q: Float64Array): void => {
  let inner = 0;
  for (let i = 0; i < x.length; i++) inner += x[i]! * q[i]!;
  for (let i = 0; i < x.length; i++) x[i] = x[i]! - inner * q[i]!;
};
