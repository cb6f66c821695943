import { columnsOf, matrix, rowMajor, rowsOf, ShapeMismatchError, transposed, type Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import { lowerPanels, type LowerPanel } from './symmetric-product.js';

/** Rows of E that go through at once: a longer inner size is no faster, and each chunk is contracted with every H anew. */
export const CHUNK_ROWS = 2048;

/** Σ Sᵢⱼ Hᵢⱼ over the rows of one panel of S and, by symmetry, over the columns above the diagonal, in float64. */
const contract = ({ begin, rows }: LowerPanel, H: Float32Array, size: number): number => {
  const [height, width, S] = [rowsOf(rows), columnsOf(rows), rows.data];
  let total = 0;
  for (let i = 0; i < height; i++) {
    const diagonal = begin + i;
    const [s, h] = [i * width, diagonal * size];
    let [even, odd] = [0, 0];
    let j = 0;
    for (; j + 1 < diagonal; j += 2) {
      even += S[s + j]! * H[h + j]!;
      odd += S[s + j + 1]! * H[h + j + 1]!;
    }
    if (j < diagonal) even += S[s + j]! * H[h + j]!;
    total += 2 * (even + odd) + S[s + diagonal]! * H[h + diagonal]!;
  }
  return total;
};

/**
 * Computes tr(E Hᵢ Eᵀ) for several symmetric H's at the price of one: from panels of EᵀE, which is never held whole.
 *
 * @param E [m, n]
 * @param sums [n, n] each; only the lower triangle is read
 * @returns one value for each sum, within 10⁻⁶ of exact arithmetic
 * @throws ShapeMismatchError when a sum does not fit E; retrying does not help
 *
 * Cost: m · n · (n + 512) operations in the engine, n² for each sum and 2048 rows of E in JavaScript; 4 · n · (2048 + 512) bytes.
 */
export const weightedSquares = async (E: Matrix, sums: readonly Matrix[], engine: MatrixEngine): Promise<number[]> => {
  const [m, n] = [rowsOf(E), columnsOf(E)];
  for (const { shape } of sums)
    if (shape[0] !== n || shape[1] !== n)
      throw new ShapeMismatchError(`A residual [${m}, ${n}] needs an H [${n}, ${n}], not [${shape.join(', ')}].`);
  const values = rowMajor(E);
  const weights = sums.map(rowMajor);
  const squares = sums.map(() => 0);
  for (let begin = 0; begin < m; begin += CHUNK_ROWS) {
    const end = Math.min(m, begin + CHUNK_ROWS);
    const rows = matrix(end - begin, n, values.subarray(begin * n, end * n));
    const columns = matrix(n, end - begin, rowMajor(transposed(rows)));
    for await (const panel of lowerPanels(columns, columns, engine))
      weights.forEach((H, i) => (squares[i] = squares[i]! + contract(panel, H, n)));
  }
  return squares;
};
