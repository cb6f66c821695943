import { columnsOf, matrix, rowMajor, rowsOf, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';

/** Rows of one panel: high enough for products at full speed, low enough to spare nearly half of a wide product. */
export const PANEL_ROWS = 512;

/** Rows of a symmetric product from `begin` on, up to and with the diagonal. */
export interface LowerPanel {
  readonly begin: number;
  /** [rows, begin + rows], row-major. */
  readonly rows: Matrix;
}

/** Rows begin … end − 1 as a view. */
const rowRange = (values: Float32Array, columns: number, begin: number, end: number): Matrix =>
  matrix(end - begin, columns, values.subarray(begin * columns, end * columns));

/**
 * Gives the lower triangle of X Yᵀ panel by panel, one in memory at a time.
 *
 * @param X [m, k]
 * @param Y [m, k]
 *
 * Cost: m · (m + 512) · k operations; 4 · 512 · m bytes.
 */
export async function* lowerPanels(X: Matrix, Y: Matrix, engine: MatrixEngine): AsyncGenerator<LowerPanel> {
  const [m, k] = [rowsOf(X), columnsOf(X)];
  const x = rowMajor(X);
  const y = Y === X ? x : rowMajor(Y);
  for (let begin = 0; begin < m; begin += PANEL_ROWS) {
    const end = Math.min(m, begin + PANEL_ROWS);
    const rows = await engine.multiply(rowRange(x, k, begin, end), rowRange(y, k, 0, end), { transposeB: true });
    yield { begin, rows };
  }
}

/** Copies rows begin … of the lower triangle to the columns above them, in tiles that stay in the cache. */
const mirror = (data: Float32Array, size: number, begin: number, end: number): void => {
  const tile = 32;
  for (let left = 0; left < end; left += tile)
    for (let i = Math.max(begin, left); i < end; i++) {
      const stop = Math.min(left + tile, i);
      for (let j = left; j < stop; j++) data[j * size + i] = data[i * size + j]!;
    }
};

/**
 * Multiplies X Yᵀ where the product is known to be symmetric, in little more than half of the operations.
 *
 * @param X [m, k]
 * @param Y [m, k]
 * @returns [m, m], both triangles filled
 * @throws ShapeMismatchError when the shapes differ; retrying does not help
 *
 * Cost: m · (m + 512) · k operations.
 */
export const symmetricProduct = async (X: Matrix, Y: Matrix, engine: MatrixEngine): Promise<Matrix> => {
  const m = rowsOf(X);
  if (rowsOf(Y) !== m || columnsOf(Y) !== columnsOf(X))
    throw new ShapeMismatchError(`[${X.shape.join(', ')}] times the transpose of [${Y.shape.join(', ')}] is not symmetric.`);
  const product = matrix(m, m);
  for await (const { begin, rows } of lowerPanels(X, Y, engine)) {
    const [height, width] = [rowsOf(rows), columnsOf(rows)];
    for (let i = 0; i < height; i++) product.data.set(rows.data.subarray(i * width, (i + 1) * width), (begin + i) * m);
    mirror(product.data, m, begin, begin + height);
  }
  return product;
};
