import { choleskyInverse } from './cholesky.js';
import { symmetricEigen } from './symmetric-eigen.js';

/**
 * Inverts a small symmetric positive semidefinite matrix on the span of its eigenvectors above a cut-off: M⁺.
 *
 * Where the Cholesky factor proves that no eigenvalue is below the cut-off, M⁺ = M⁻¹ comes from it; else from all eigenpairs.
 *
 * @param M [size, size], float64, row-major, both triangles filled
 * @param cutoff eigenvalues at or below cutoff · (largest eigenvalue) count as zero; 1e-6 unless told
 * @returns M⁺, [size, size], row-major; zero when M is
 * @throws ConvergenceError QL_CONVERGENCE when M holds NaN or infinity; retrying does not help
 *
 * Cost: size³ operations in JavaScript, 10 · size³ where eigenvalues must be cut.
 */
export const pseudoInverse = (M: Float64Array, size: number, cutoff = 1e-6): Float64Array => {
  const inverse = choleskyPath(M, size, cutoff);
  if (inverse) return inverse;
  const { values, vectors } = symmetricEigen(M, size);
  const floor = cutoff * Math.max(values[0] ?? 0, 0);
  const result = new Float64Array(size * size);
  for (let k = 0; k < size && values[k]! > floor; k++) {
    for (let i = 0; i < size; i++) {
      const factor = vectors[i * size + k]! / values[k]!;
      for (let j = 0; j < size; j++) result[i * size + j] = result[i * size + j]! + factor * vectors[j * size + k]!;
    }
  }
  return result;
};

/** M⁻¹ = R⁻¹ R⁻ᵀ, if 1/tr(M⁻¹) ≤ λ_least and tr(M) ≥ λ_most leave no doubt about the cut-off. */
const choleskyPath = (M: Float64Array, size: number, cutoff: number): Float64Array | undefined => {
  const factor = choleskyInverse(M, size, 1e-12);
  if (!factor) return undefined;
  const R = factor.inverse;
  let traceInverse = 0;
  for (const value of R) traceInverse += value * value;
  let trace = 0;
  for (let i = 0; i < size; i++) trace += M[i * size + i]!;
  if (1 / traceInverse <= cutoff * trace) return undefined;
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) {
      let sum = 0;
      for (let k = j; k < size; k++) sum += R[i * size + k]! * R[j * size + k]!;
      inverse[i * size + j] = sum;
      inverse[j * size + i] = sum;
    }
  }
  return inverse;
};

/**
 * Solves M x = b in the least-squares sense with an eigenvalue cut-off: x = M⁺ b.
 *
 * @param M [size, size], float64, row-major, symmetric positive semidefinite, both triangles filled
 * @param b [size, columns], float64, row-major
 * @param cutoff as in `pseudoInverse`
 * @returns x, [size, columns]
 * @throws ConvergenceError QL_CONVERGENCE when M holds NaN or infinity; retrying does not help
 */
export const solveSymmetric = (M: Float64Array, b: Float64Array, size: number, cutoff?: number): Float64Array => {
  const inverse = pseudoInverse(M, size, cutoff);
  const columns = size === 0 ? 0 : b.length / size;
  const x = new Float64Array(b.length);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      const factor = inverse[i * size + k]!;
      for (let j = 0; j < columns; j++) x[i * columns + j] = x[i * columns + j]! + factor * b[k * columns + j]!;
    }
  }
  return x;
};
