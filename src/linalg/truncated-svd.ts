import { columnsOf, isRowMajor, matrix, random, rowMajor, rowsOf, transposed, type Matrix } from '../foundation/index.js';
import { collectGarbage, type MatrixEngine } from '../runtime/index.js';
import { columnRange, completeBasis } from './complete-basis.js';
import { checkRank } from './linalg-errors.js';
import { symmetricEigen } from './symmetric-eigen.js';
import { symmetricProduct } from './symmetric-product.js';
import { denseOperator, type SymmetricOperator } from './symmetric-operator.js';
import { topEigenpairs, type TopEigenpairsOptions } from './top-eigenpairs.js';

/** Part of the remaining energy that may be missed: no calibrated loss depends on more. */
const TOLERANCE = 1e-4;

/** Largest min(m, n) for which the Gram matrix is formed, 64 MiB. */
const FORMED_UP_TO = 4096;

/** Says whether `truncatedSvd` forms the Gram matrix of an [m, n] matrix, for which it copies a tall one. */
export const formsGram = (m: number, n: number): boolean => Math.min(m, n) <= FORMED_UP_TO;

/** How `truncatedSvd` works; the rest is handed to `topEigenpairs`, whose `start` is a guess of U's span; `tolerance` is 1e-4 unless told. */
export interface TruncatedSvdOptions extends TopEigenpairsOptions {
  /** Largest min(m, n) for which the Gram matrix is formed; as `formsGram` says unless told. */
  readonly formedUpTo?: number;
}

/** Leading singular triplets, E ≈ U diag(values) Vᵀ. */
export interface TruncatedSvd {
  /** [m, k], orthonormal. */
  readonly U: Matrix;
  /** Descending, not negative. */
  readonly values: Float64Array;
  /** [n, k], orthonormal; columns of zero values are arbitrary. */
  readonly V: Matrix;
  /** Applications of the Gram matrix to a block. */
  readonly applications: number;
}

/** E Eᵀ; the row-major copy of a transposed view that the product makes is given back. */
const formGram = async (E: Matrix, engine: MatrixEngine): Promise<Matrix> => {
  const product = await symmetricProduct(E, E, engine);
  if (!isRowMajor(E)) collectGarbage(E.data.BYTES_PER_ELEMENT * E.size);
  return product;
};

/** E Eᵀ, [m, m]: formed once where that is cheaper than applying it, and not larger than allowed. */
const gramOf = async (E: Matrix, square: () => number, engine: MatrixEngine, formedUpTo: number): Promise<SymmetricOperator> =>
  rowsOf(E) <= formedUpTo
    ? denseOperator(await formGram(E, engine), engine)
    : {
        dimension: rowsOf(E),
        trace: square(),
        apply: async (V) => engine.multiply(E, await engine.multiply(E, V, { transposeA: true })),
      };

/** ‖E‖² in float64. */
const squareOf = (E: Matrix): number => {
  const values = rowMajor(E);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
};

/** Column lengths of P, descending and zero where float32 does not resolve them, and orthonormal directions; P's columns are orthogonal. */
const normalizeColumns = async (P: Matrix, engine: MatrixEngine): Promise<{ values: Float64Array; directions: Matrix }> => {
  const k = columnsOf(P);
  const values = new Float64Array(k);
  for (let at = 0; at < P.data.length;) for (let j = 0; j < k; j++, at++) values[j] = values[j]! + P.data[at]! * P.data[at]!;
  for (let j = 0; j < k; j++) values[j] = Math.sqrt(values[j]!);
  const floor = 1e-6 * (values[0] ?? 0);
  let attained = 0;
  while (attained < k && values[attained]! > floor) attained++;
  values.fill(0, attained);
  return { values, directions: await completeBasis(columnRange(P, 0, attained), k, engine, random(k)) };
};

/** Turns an orthonormal U so that the columns of P = EᵀU become orthogonal, longest first. */
const turnToSingular = async (E: Matrix, U: Matrix, engine: MatrixEngine): Promise<{ U: Matrix; P: Matrix }> => {
  const k = columnsOf(U);
  const P = await engine.multiply(E, U, { transposeA: true });
  const gram = await engine.multiply(P, P, { transposeA: true });
  const S = matrix(k, k, new Float32Array(symmetricEigen(new Float64Array(gram.data), k).vectors));
  return { U: await engine.multiply(U, S), P: await engine.multiply(P, S) };
};

/**
 * Finds the best approximation of rank k in the Frobenius norm, E ≈ U Σ Vᵀ, by the eigenvectors of the smaller Gram matrix.
 *
 * U Σ Vᵀ = U UᵀE to float32 rounding, whatever the tolerance: it is a projection of E.
 *
 * @param E [m, n], float32
 * @param rank above min(m, n), min(m, n) triplets are returned
 * @returns singular values below 10⁻⁶ of the largest are returned as zero: float32 does not resolve them
 * @throws RankError when rank is not a whole number from 0 up; retrying does not help
 * @throws ConvergenceError as `topEigenpairs`
 *
 * Cost: m · n · (min(m, n) + 512) operations once where the Gram matrix is formed (and a transposed copy of a tall E), then as `topEigenpairs`.
 */
export const truncatedSvd = async (
  E: Matrix,
  rank: number,
  engine: MatrixEngine,
  options: TruncatedSvdOptions = {},
): Promise<TruncatedSvd> => {
  checkRank(rank, 'A truncated SVD');
  const wide = rowsOf(E) <= columnsOf(E);
  const short = wide ? E : transposed(E);
  const operator = await gramOf(short, () => squareOf(E), engine, options.formedUpTo ?? FORMED_UP_TO);
  const { start, ...rest } = { tolerance: TOLERANCE, ...options };
  const guess = start && (wide ? start : await engine.multiply(short, start));
  const { vectors, applications } = await topEigenpairs(operator, rank, engine, guess ? { ...rest, start: guess } : rest);
  if (wide) {
    const { values, directions } = await normalizeColumns(await engine.multiply(E, vectors, { transposeA: true }), engine);
    return { U: vectors, values, V: directions, applications };
  }
  const { directions } = await normalizeColumns(await engine.multiply(E, vectors), engine);
  const { U, P } = await turnToSingular(E, directions, engine);
  const { values, directions: V } = await normalizeColumns(P, engine);
  return { U, values, V, applications };
};
