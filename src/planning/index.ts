export { chooseStatistic, chooseStatistics, type StatisticChoice } from './choose-statistics.js';
export { leastExpertTokens } from './least-expert-tokens.js';
