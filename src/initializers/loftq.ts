import { columnsOf, matrix, QuailoraError, roundTo, rowMajor, rowsOf, type Matrix } from '../foundation/index.js';
import { truncatedSvd, type TruncatedSvd } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import type { Initializer, InitializerProblem } from './contract.js';
import { padColumns } from './project-residual.js';
import { splitSvd } from './split-svd.js';

/** A − B, row-major. */
const difference = (A: Matrix, B: Matrix): Matrix => {
  const subtrahend = rowMajor(B);
  return matrix(
    rowsOf(A),
    columnsOf(A),
    rowMajor(A).map((value, i) => value - subtrahend[i]!),
  );
};

/** W − A Bᵀ, rounded to the type that the quantizer reads. */
const withoutCorrection = async (
  { W, quantizeOptions }: InitializerProblem,
  { A, B }: { A: Matrix; B: Matrix },
  engine: MatrixEngine,
): Promise<Matrix> => {
  const rest = difference(W, await engine.multiply(A, B, { transposeB: true }));
  roundTo(rest.data, quantizeOptions.dtype);
  return rest;
};

/** What LoftQ may be told. */
export interface LoftqOptions {
  /** Alternations, 1 or more; 5 unless told. */
  readonly steps?: number;
}

/**
 * LoftQ (arXiv 2310.08659, algorithm 1): alternates Q = quantize(W − A Bᵀ) and A Bᵀ = SVD_rank(W − Q), uncalibrated.
 *
 * It ends with its own Q, so the base must be written with the adapter. Step 1 is the SVD of the stock residual. Each further
 * SVD starts from the one before.
 *
 * @throws QuailoraError QL_STEPS when steps is not a whole number from 1 up; retrying does not help
 */
export const loftq = ({ steps = 5 }: LoftqOptions = {}): Initializer => {
  if (!Number.isInteger(steps) || steps < 1)
    throw new QuailoraError('QL_STEPS', `LoftQ needs a whole number of steps from 1 up, not ${steps}.`);
  return {
    name: 'loftq',
    projectsResidual: false,
    requantizes: true,
    usesStatistic: false,
    initialize: async (problem, { linalg }) => {
      const { W, quantizer, quantizeOptions, rank } = problem;
      let { quantized } = problem;
      let decomposed: TruncatedSvd = await truncatedSvd(difference(W, quantized.dequantized), rank, linalg);
      for (let step = 2; step <= steps; step++) {
        quantized = await quantizer.quantize(await withoutCorrection(problem, splitSvd(decomposed), linalg), quantizeOptions);
        decomposed = await truncatedSvd(difference(W, quantized.dequantized), rank, linalg, { start: decomposed.U });
      }
      const { A, B } = splitSvd(decomposed);
      return { A: padColumns(A, rank), B: padColumns(B, rank), quantized };
    },
  };
};
