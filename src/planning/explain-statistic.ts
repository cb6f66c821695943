import type { StatisticChoice } from './choose-statistics.js';

/**
 * Says in one sentence why `chooseStatistic` chose an H or a G.
 *
 * @param readers last names of the corrected layers that read the input
 * @param outFeatures of the only reader, where there is one
 * @param acceptsG as in `chooseStatistics`
 */
export const explainStatistic = (
  { kind, width }: Pick<StatisticChoice, 'kind' | 'width'>,
  readers: readonly string[],
  outFeatures: number,
  acceptsG: boolean,
): string => {
  const names = readers.join(', ');
  if (kind === 'G')
    return `${names} alone reads it and narrows ${width} to ${outFeatures}: a G [${outFeatures}, ${outFeatures}] is smaller.`;
  if (readers.length > 1) return `${names} read it and share one H.`;
  if (!acceptsG) return `${names} reads it; the initializer needs an H.`;
  return `${names} reads it and does not narrow it: an H is no larger than a G.`;
};
