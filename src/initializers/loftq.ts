import { QuailoraError, roundTo, rowMajor, type Matrix } from '../foundation/index.js';
import { truncatedSvd, type TruncatedSvd } from '../linalg/index.js';
import { residualOf } from '../quantizers/index.js';
import { collectGarbage, type MatrixEngine } from '../runtime/index.js';
import type { Initializer, InitializerProblem } from './contract.js';
import { padColumns } from './project-residual.js';
import { splitSvd } from './split-svd.js';

/** Bytes of one value of a matrix. */
const MATRIX_BYTES = 4;

/** W − A Bᵀ, rounded to the type that the quantizer reads. */
const withoutCorrection = async (
  { W, quantizeOptions }: InitializerProblem,
  { A, B }: { A: Matrix; B: Matrix },
  engine: MatrixEngine,
): Promise<Matrix> => {
  const rest = await engine.multiply(A, B, { transposeB: true });
  const weights = rowMajor(W);
  for (let i = 0; i < weights.length; i++) rest.data[i] = weights[i]! - rest.data[i]!;
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
      const { W, E, quantizer, quantizeOptions, rank } = problem;
      let { quantized } = problem;
      let decomposed: TruncatedSvd = await truncatedSvd(E, rank, linalg);
      for (let step = 2; step <= steps; step++) {
        quantized = await quantizer.quantize(await withoutCorrection(problem, splitSvd(decomposed), linalg), quantizeOptions);
        // Else what was quantized and the Q before would be held through the SVD.
        collectGarbage(2 * MATRIX_BYTES * W.size);
        decomposed = await truncatedSvd(residualOf(W, quantized.dequantized), rank, linalg, { start: decomposed.U });
        collectGarbage(MATRIX_BYTES * W.size);
      }
      const { A, B } = splitSvd(decomposed);
      return { A: padColumns(A, rank), B: padColumns(B, rank), quantized };
    },
  };
};
