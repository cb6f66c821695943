import { rowsOf, ShapeMismatchError } from '../foundation/index.js';
import { denseOperator, residualOperator, type ResidualOperatorOptions, type SymmetricOperator } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import type { InitializerProblem } from './contract.js';
import { StatisticError } from './initializer-errors.js';

/**
 * Gives G = E H Eᵀ of a problem as an operator, from whichever statistic it has.
 *
 * @param purpose name of the initializer, for the message
 * @param use how often the operator will be applied, and to how many columns
 * @throws StatisticError QL_STATISTIC when the problem has none; retrying does not help
 * @throws ShapeMismatchError when the statistic does not fit E; retrying does not help
 */
export const problemOperator = async (
  { module, E, statistic, products }: Pick<InitializerProblem, 'module' | 'E' | 'statistic' | 'products'>,
  purpose: string,
  engine: MatrixEngine,
  use: Pick<ResidualOperatorOptions, 'columns' | 'applications'>,
): Promise<SymmetricOperator> => {
  if (!statistic)
    throw new StatisticError(`${module}: "${purpose}" needs calibration sums and got none. Calibrate first, or use svd, loftq or zero.`);
  const { kind, sum } = statistic;
  if (kind === 'H') return residualOperator(E, sum, engine, { ...use, trace: products && (() => products.weightedSquare(sum)) });
  if (sum.shape[0] !== rowsOf(E) || sum.shape[1] !== rowsOf(E))
    throw new ShapeMismatchError(
      `${module}: a residual [${E.shape.join(', ')}] needs a G [${rowsOf(E)}, ${rowsOf(E)}], not [${sum.shape.join(', ')}].`,
    );
  return denseOperator(sum, engine);
};
