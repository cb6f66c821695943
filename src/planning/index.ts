export { chooseStatistics, type StatisticChoice } from './choose-statistics.js';
