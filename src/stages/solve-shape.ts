import type { Initializer } from '../initializers/index.js';
import type { SolveShape } from '../planning/index.js';
import { keepsWeights } from './correction-plan.js';
import type { CorrectionChoice } from './jobs.js';

/** What of a choice decides how layers are solved. */
type SolveChoice = Pick<CorrectionChoice, 'rank' | 'bits' | 'alsSteps' | 'loftqSteps'>;

/** Truncated SVDs that an initializer makes of one residual, known of the stock ones. */
const decompositionsOf = (name: string, { loftqSteps }: SolveChoice): number =>
  name === 'loftq' ? loftqSteps : name === 'als' || name === 'svd' ? 1 : 0;

/** Takes out of an initializer and a choice what bytes and operations of the solve follow from. */
export const solveShape = (initializer: Initializer, choice: SolveChoice): SolveShape => ({
  ...{ rank: choice.rank, bits: choice.bits, keepsWeights: keepsWeights(initializer), usesSums: initializer.usesStatistic },
  ...{ requantizes: initializer.requantizes, decompositions: decompositionsOf(initializer.name, choice) },
  steps: initializer.name === 'als' ? choice.alsSteps : 0,
});
