import { columnsOf, matrix, rowsOf, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import { orthonormalize } from './orthonormalize.js';
import { symmetricEigen } from './symmetric-eigen.js';

/** Two thin factors of a product A Bᵀ. */
export interface ThinFactors {
  /** [m, r] */
  readonly A: Matrix;
  /** [n, r] */
  readonly B: Matrix;
}

/**
 * Replaces two factors by the √Σ split of their product's own SVD: A Bᵀ = U Σ Vᵀ, A ← U √Σ, B ← V √Σ.
 *
 * Then AᵀA = BᵀB = Σ, so ‖A‖ = ‖B‖ and an optimizer treats both alike. The product is kept to float32 rounding.
 *
 * @param A [m, r]
 * @param B [n, r]
 * @returns A [m, r] and B [n, r], row-major, columns in descending order; columns beyond the product's rank (10⁻⁶ of its largest singular value) are zero
 * @throws ShapeMismatchError when A and B differ in columns; retrying does not help
 *
 * Cost: 4 · (m + n) · r² operations a pass in the engine, three or four passes; 9 · r³ in JavaScript.
 */
export const balance = async (A: Matrix, B: Matrix, engine: MatrixEngine): Promise<ThinFactors> => {
  if (columnsOf(A) !== columnsOf(B))
    throw new ShapeMismatchError(`Factors with ${columnsOf(A)} and ${columnsOf(B)} columns have no product A Bᵀ.`);
  const r = columnsOf(A);
  const Q = await orthonormalize(A, engine);
  const kept = columnsOf(Q);
  const balancedA = matrix(rowsOf(A), r);
  const balancedB = matrix(rowsOf(B), r);
  if (kept === 0) return { A: balancedA, B: balancedB };
  // A Bᵀ = Q Pᵀ with P = B (AᵀQ); P's right singular vectors turn Q into U.
  const P = await engine.multiply(B, await engine.multiply(A, Q, { transposeA: true }));
  const gram = await engine.multiply(P, P, { transposeA: true });
  const { vectors } = symmetricEigen(new Float64Array(gram.data), kept);
  const Y = matrix(kept, kept, new Float32Array(vectors));
  const U = await engine.multiply(Q, Y);
  const VS = await engine.multiply(P, Y);
  const roots = columnLengths(VS).map(Math.sqrt);
  const floor = 1e-3 * roots.reduce((most, root) => Math.max(most, root), 0);
  roots.forEach((root, j) => {
    if (root <= floor) return;
    for (let i = 0; i < rowsOf(A); i++) balancedA.data[i * r + j] = U.data[i * kept + j]! * root;
    for (let i = 0; i < rowsOf(B); i++) balancedB.data[i * r + j] = VS.data[i * kept + j]! / root;
  });
  return { A: balancedA, B: balancedB };
};

const columnLengths = (V: Matrix): Float64Array => {
  const k = columnsOf(V);
  const squares = new Float64Array(k);
  for (let at = 0; at < V.data.length;) for (let j = 0; j < k; j++, at++) squares[j] = squares[j]! + V.data[at]! * V.data[at]!;
  return squares.map(Math.sqrt);
};
