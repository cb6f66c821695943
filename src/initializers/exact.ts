import { matrix, rowsOf, columnsOf } from '../foundation/index.js';
import { blockColumns, topEigenpairs } from '../linalg/index.js';
import type { Initializer } from './contract.js';
import { problemOperator } from './problem-operator.js';
import { projectResidual } from './project-residual.js';

/** Eigenvalues of G below this part of the largest are rounding of float32 sums. */
const cutoff = 2e-7;

/**
 * The global optimum of the calibrated objective in closed form: with U the leading eigenvectors of G = E H Eᵀ, A Bᵀ = U UᵀE.
 *
 * Eigenvectors come from an iteration with a residual test. Directions that the calibration never saw are spent on the SVD
 * of what is left.
 */
export const exact = (): Initializer => ({
  name: 'exact',
  projectsResidual: true,
  requantizes: false,
  usesStatistic: true,
  usesWeights: false,
  initialize: async (problem, { linalg }) => {
    const { E, rank } = problem;
    const attainable = Math.min(rank, rowsOf(E), columnsOf(E));
    const operator = await problemOperator(problem, 'exact', linalg, { columns: blockColumns(attainable, rowsOf(E)) });
    // Without a trace the test can't see how small the remaining loss is, so it is made stricter.
    const tolerance = operator.trace === undefined ? 1e-6 : 1e-5;
    const { values, vectors } = await topEigenpairs(operator, attainable, linalg, { tolerance });
    const floor = cutoff * (values[0] ?? 0);
    let seen = 0;
    while (seen < values.length && values[seen]! > floor) seen++;
    const U = seen === values.length ? vectors : seen === 0 ? matrix(rowsOf(E), 0) : vectors.hi(rowsOf(E), seen);
    return projectResidual(U, E, rank, linalg);
  },
});
