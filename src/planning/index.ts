export { chooseStatistic, chooseStatistics, type StatisticChoice } from './choose-statistics.js';
export { fitTokenCurve, type TokenCurve, type TokenPoint } from './fit-token-curve.js';
export { leastExpertTokens } from './least-expert-tokens.js';
export { mostPilotTokens } from './most-pilot-tokens.js';
