/** Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom (any table of the distribution; four decimals). */
const POINTS = [
  ...[12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281],
  ...[2.201, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.093, 2.086],
  ...[2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423],
];

/** The same point of the normal distribution. */
const Z = 1.959964;

/**
 * Finds how many standard errors a 95 % confidence interval reaches to either side.
 *
 * @param degrees degrees of freedom, a whole number; 0, as of a single sample, bounds nothing
 * @returns Infinity for 0; beyond 30 the Cornish–Fisher series, which is right to four decimals there
 */
export const studentT95 = (degrees: number): number => {
  if (degrees < 1) return Infinity;
  const tabled = POINTS[degrees - 1];
  if (tabled !== undefined) return tabled;
  const third = (Z ** 3 + Z) / (4 * degrees);
  const fifth = (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * degrees ** 2);
  return Z + third + fifth;
};
