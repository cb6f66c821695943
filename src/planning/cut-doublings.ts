const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/**
 * Cuts segments into the first one, as many again, as many again as those, …; too few left over for a point of their own go with
 * the last.
 *
 * @param tokens of each segment
 * @returns how many segments each slice has
 */
export const cutDoublings = (tokens: readonly number[]): number[] => {
  const slices: number[] = [];
  for (let begin = 0, end = 1; begin < tokens.length; begin = end, end *= 2) slices.push(Math.min(end, tokens.length) - begin);
  const rest = slices.pop() ?? 0;
  const before = tokens.length - rest;
  // Two points close to each other tell nothing of the slope.
  if (total(tokens.slice(before)) >= total(tokens.slice(0, before)) / 2) return [...slices, rest];
  return [...slices.slice(0, -1), slices.at(-1)! + rest];
};
