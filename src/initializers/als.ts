import { columnsOf, matrix, QuailoraError, type Matrix } from '../foundation/index.js';
import { orthonormalize, pseudoInverse, symmetricEigen, truncatedSvd, type SymmetricOperator } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import type { Initializer } from './contract.js';
import { problemOperator } from './problem-operator.js';
import { projectResidual } from './project-residual.js';

/** Eigenvalues of Bᵀ H B below this part of the largest are rounding of float32 sums. */
const cutoff = 2e-7;

/** VᵀW in float64, made symmetric from its upper triangle, where the smaller image's rounding is. */
const projection = async (V: Matrix, W: Matrix, engine: MatrixEngine): Promise<Float64Array> => {
  const r = columnsOf(V);
  const { data } = await engine.multiply(V, W, { transposeA: true });
  const M = new Float64Array(r * r);
  for (let i = 0; i < r; i++) for (let j = i; j < r; j++) M[i * r + j] = M[j * r + i] = data[i * r + j]!;
  return M;
};

/**
 * Runs the alternation on G alone, in the gauge AᵀA = I, where the B-step is B = EᵀA and so E H B = G A, Bᵀ H B = AᵀG A.
 *
 * The first step also turns A to its Ritz vectors, which changes neither the product nor what follows from it, but
 * keeps AᵀG A well scaled under outlying eigenvalues.
 */
const alternate = async (
  operator: SymmetricOperator,
  start: Matrix,
  steps: number,
  engine: MatrixEngine,
): Promise<{ readonly A: Matrix; readonly startCaptured: number | undefined }> => {
  let A = start;
  let startCaptured: number | undefined;
  for (let step = 0; step < steps && columnsOf(A) > 0; step++) {
    const r = columnsOf(A);
    let GA = await operator.apply(A);
    let AGA = await projection(A, GA, engine);
    if (step === 0) {
      startCaptured = 0;
      for (let i = 0; i < r; i++) startCaptured += AGA[i * r + i]!;
      const { values, vectors } = symmetricEigen(AGA, r);
      const S = matrix(r, r, new Float32Array(vectors));
      [A, GA] = [await engine.multiply(A, S), await engine.multiply(GA, S)];
      AGA = new Float64Array(r * r);
      values.forEach((value, i) => (AGA[i * r + i] = Math.max(value, 0)));
    }
    const solve = matrix(r, r, new Float32Array(pseudoInverse(AGA, r, cutoff)));
    A = await orthonormalize(await engine.multiply(GA, solve), engine);
  }
  return { A, startCaptured };
};

/** What ALS may be told. */
export interface AlsOptions {
  /** Alternations; 20 unless told, as in the paper; 0 is the SVD. */
  readonly steps?: number;
}

/**
 * The paper's alternating least squares (QuAILoRA, eq. 5 and 6): from the SVD of E, A ← E H B (Bᵀ H B)⁺, Bᵀ ← (AᵀA)⁻¹ AᵀE.
 *
 * It ends on the B-step, so A Bᵀ is a projection of E and never worse than no correction. Directions that the calibration
 * never saw are cut by their eigenvalues and spent on the SVD of what is left.
 *
 * @throws QuailoraError QL_STEPS when steps is not a whole number; retrying does not help
 *
 * Cost: a truncated SVD and `steps` applications of G = E H Eᵀ to `rank` columns.
 */
export const als = ({ steps = 20 }: AlsOptions = {}): Initializer => {
  if (!Number.isInteger(steps) || steps < 0)
    throw new QuailoraError('QL_STEPS', `ALS needs a whole number of steps from 0 up, not ${steps}.`);
  return {
    name: 'als',
    projectsResidual: true,
    requantizes: false,
    usesStatistic: true,
    usesWeights: false,
    initialize: async (problem, { linalg }) => {
      const { E, rank } = problem;
      const operator = await problemOperator(problem, 'als', linalg, { columns: rank, applications: steps });
      const { U } = await truncatedSvd(E, rank, linalg);
      const { A, startCaptured } = await alternate(operator, U, steps, linalg);
      const factors = await projectResidual(A, E, rank, linalg);
      return startCaptured === undefined ? factors : { ...factors, svdCaptured: startCaptured };
    },
  };
};
