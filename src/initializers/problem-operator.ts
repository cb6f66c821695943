import { rowsOf, ShapeMismatchError } from '../foundation/index.js';
import { denseOperator, residualOperator, type SymmetricOperator } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import type { InitializerProblem } from './contract.js';
import { StatisticError } from './initializer-errors.js';

/**
 * Gives G = E H Eᵀ of a problem as an operator, from whichever statistic it has.
 *
 * @param purpose name of the initializer, for the message
 * @throws StatisticError QL_STATISTIC when the problem has none; retrying does not help
 * @throws ShapeMismatchError when the statistic does not fit E; retrying does not help
 */
export const problemOperator = async (
  { module, E, statistic }: Pick<InitializerProblem, 'module' | 'E' | 'statistic'>,
  purpose: string,
  engine: MatrixEngine,
): Promise<SymmetricOperator> => {
  if (!statistic)
    throw new StatisticError(`${module}: "${purpose}" needs calibration sums and got none. Calibrate first, or use svd, loftq or zero.`);
  if (statistic.kind === 'H') return residualOperator(E, statistic.sum, engine);
  if (statistic.sum.shape[0] !== rowsOf(E) || statistic.sum.shape[1] !== rowsOf(E))
    throw new ShapeMismatchError(
      `${module}: a residual [${E.shape.join(', ')}] needs a G [${rowsOf(E)}, ${rowsOf(E)}], not [${statistic.sum.shape.join(', ')}].`,
    );
  return denseOperator(statistic.sum, engine);
};
