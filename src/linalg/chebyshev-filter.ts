import { columnsOf, matrix, rowMajor, rowsOf, type Matrix } from '../foundation/index.js';

/** T_degree(2 value / edge − 1): how much `chebyshevFilter` stretches an eigenvector of this eigenvalue. */
export const chebyshevStretch = (value: number, edge: number, degree: number): number => {
  const t = (2 * value) / edge - 1;
  return t > 1 ? Math.cosh(degree * Math.acosh(t)) : 1;
};

/**
 * Applies the Chebyshev polynomial T_degree(2 M / edge − 1) of a symmetric positive semidefinite M to a block of vectors.
 *
 * Parts with eigenvalues in [0, edge] stay at most as long as they were; above, they grow by `chebyshevStretch`.
 *
 * @param X [n, k]
 * @param images M · X, [n, k]
 * @param degree 1 or more
 * @returns [n, k], row-major; degree − 1 applications of M
 */
export const chebyshevFilter = async (
  apply: (V: Matrix) => Promise<Matrix>,
  X: Matrix,
  images: Matrix,
  edge: number,
  degree: number,
): Promise<Matrix> => {
  const scale = 2 / edge;
  const image = rowMajor(images);
  let before: Float32Array = rowMajor(X);
  let current: Float32Array = new Float32Array(image.length);
  for (let i = 0; i < image.length; i++) current[i] = scale * image[i]! - before[i]!;
  for (let step = 2; step <= degree; step++) {
    const next = (await apply(matrix(rowsOf(X), columnsOf(X), current))).data;
    combine(next, current, before, scale);
    before = current;
    current = next;
  }
  return matrix(rowsOf(X), columnsOf(X), current);
};

/** next ← 2 (scale · next − current) − before, the recurrence of the Chebyshev polynomials. */
const combine = (next: Float32Array, current: Float32Array, before: Float32Array, scale: number): void => {
  for (let i = 0; i < next.length; i++) next[i] = 2 * (scale * next[i]! - current[i]!) - before[i]!;
};
