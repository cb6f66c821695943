/** R⁻¹ of M = Rᵀ R together with what its pivots say of M. */
export interface CholeskyInverse {
  /** R⁻¹, [size, size], row-major, upper triangular. */
  readonly inverse: Float64Array;
  /** Least pivot of M scaled to a unit diagonal: squared distance of a column from the span of those before it. */
  readonly leastPivot: number;
}

/**
 * Inverts the Cholesky factor of a small positive definite matrix in float64, after scaling M to a unit diagonal.
 *
 * The scaling makes the pivots independent of the columns' lengths.
 *
 * @param M [size, size], row-major; only the upper triangle is read
 * @returns undefined when a diagonal value is not positive or a scaled pivot is at most `leastAllowed`
 *
 * Cost: 2/3 · size³ operations in JavaScript.
 */
export const choleskyInverse = (M: Float64Array, size: number, leastAllowed: number): CholeskyInverse | undefined => {
  const scale = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const square = M[i * size + i]!;
    if (!(square > 0) || square === Infinity) return undefined;
    scale[i] = 1 / Math.sqrt(square);
  }
  const R = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = i; j < size; j++) R[i * size + j] = M[i * size + j]! * scale[i]! * scale[j]!;
  let leastPivot = 1;
  for (let k = 0; k < size; k++) {
    const row = k * size;
    const pivot = R[row + k]!;
    if (!(pivot > leastAllowed)) return undefined;
    leastPivot = Math.min(leastPivot, pivot);
    const root = Math.sqrt(pivot);
    for (let j = k; j < size; j++) R[row + j] = R[row + j]! / root;
    for (let i = k + 1; i < size; i++) {
      const factor = R[row + i]!;
      if (factor !== 0) for (let j = i; j < size; j++) R[i * size + j] = R[i * size + j]! - factor * R[row + j]!;
    }
  }
  return { inverse: invertUpper(R, size, scale), leastPivot };
};

/** diag(scale) · R⁻¹ by back substitution, row by row from the last. */
const invertUpper = (R: Float64Array, size: number, scale: Float64Array): Float64Array => {
  const inverse = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size;
    inverse[row + i] = 1;
    for (let k = i + 1; k < size; k++) {
      const factor = R[row + k]!;
      if (factor !== 0) for (let j = k; j < size; j++) inverse[row + j] = inverse[row + j]! - factor * inverse[k * size + j]!;
    }
    const pivot = R[row + i]!;
    for (let j = i; j < size; j++) inverse[row + j] = inverse[row + j]! / pivot;
  }
  for (let i = 0; i < size; i++) for (let j = i; j < size; j++) inverse[i * size + j] = inverse[i * size + j]! * scale[i]!;
  return inverse;
};
