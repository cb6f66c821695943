export {
  ARITHMETICS,
  ArithmeticError,
  chooseArithmetic,
  decideArithmetic,
  fingerprintArithmetic,
  type Arithmetic,
  type ArithmeticChoice,
  type AskedArithmetic,
} from './choose-arithmetic.js';
export { chooseStatistic, chooseStatistics, type StatisticChoice } from './choose-statistics.js';
export { leastExpertTokens } from './least-expert-tokens.js';
