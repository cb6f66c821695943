import { columnsOf, matrix, random, rowsOf, ShapeMismatchError, transposed, type Matrix } from '../../src/foundation/index.js';
import type { MatrixEngine } from '../../src/runtime/index.js';

/** Multiplies by the definition: float64 sums, rounded to float32 once. */
export const naiveProduct = (A: Matrix, B: Matrix): Matrix => {
  const [rows, inner, columns] = [rowsOf(A), columnsOf(A), columnsOf(B)];
  if (inner !== rowsOf(B)) throw new ShapeMismatchError(`Can't multiply [${rows}, ${inner}] by [${rowsOf(B)}, ${columns}].`);
  const out = matrix(rows, columns);
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    sums.fill(0);
    for (let k = 0; k < inner; k++) {
      const a = A.get(i, k);
      let at = B.offset + k * B.stride[0]!;
      for (let j = 0; j < columns; j++, at += B.stride[1]!) sums[j] = sums[j]! + a * B.data[at]!;
    }
    out.data.set(sums, i * columns);
  }
  return out;
};

/** The reference of every test of products, and the engine where ONNX Runtime is not what is tested. */
export const naiveEngine = (): MatrixEngine => ({
  multiply: async (A, B, { transposeA = false, transposeB = false } = {}) =>
    naiveProduct(transposeA ? transposed(A) : A, transposeB ? transposed(B) : B),
});

/** [rows, columns] of standard normal numbers. */
export const normalMatrix = (rows: number, columns: number, seed: number): Matrix => {
  const stream = random(seed);
  const M = matrix(rows, columns);
  for (let i = 0; i < M.data.length; i++) M.data[i] = stream.normal();
  return M;
};

/** Σ Xᵢⱼ². */
export const squareOf = (X: Matrix): number => {
  let sum = 0;
  for (let i = 0; i < rowsOf(X); i++) for (let j = 0; j < columnsOf(X); j++) sum += X.get(i, j) ** 2;
  return sum;
};

/** ‖X − Y‖ / max(‖Y‖, least). */
export const distance = (X: Matrix, Y: Matrix, least = 1e-30): number => {
  let sum = 0;
  for (let i = 0; i < rowsOf(X); i++) for (let j = 0; j < columnsOf(X); j++) sum += (X.get(i, j) - Y.get(i, j)) ** 2;
  return Math.sqrt(sum) / Math.max(Math.sqrt(squareOf(Y)), least);
};

/** Largest entry of |VᵀV − I|. */
export const orthogonalityError = (V: Matrix): number => {
  const gram = naiveProduct(transposed(V), V);
  let worst = 0;
  for (let i = 0; i < rowsOf(gram); i++)
    for (let j = 0; j < rowsOf(gram); j++) worst = Math.max(worst, Math.abs(gram.get(i, j) - Number(i === j)));
  return worst;
};

/** Q diag(values) Qᵀ with a random orthonormal Q, float32. */
export const withSpectrum = (values: readonly number[], seed: number): Matrix => {
  const n = values.length;
  const Q: number[][] = [];
  const source = normalMatrix(n, n, seed);
  for (let j = 0; j < n; j++) {
    const column = Array.from({ length: n }, (_, i) => source.get(i, j));
    for (let pass = 0; pass < 2; pass++)
      for (const q of Q) {
        const inner = q.reduce((sum, x, i) => sum + x * column[i]!, 0);
        for (let i = 0; i < n; i++) column[i]! -= inner * q[i]!;
      }
    const length = Math.hypot(...column);
    Q.push(column.map((x) => x / length));
  }
  const M = matrix(n, n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      const sum = values.reduce((sum, value, k) => sum + value * Q[k]![i]! * Q[k]![j]!, 0);
      M.data[i * n + j] = M.data[j * n + i] = sum;
    }
  return M;
};
