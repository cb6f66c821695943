/**
 * Prints a number as Python's repr prints a float: `1.0`, `5e-05`, `1e+16`, where JavaScript prints `1`, `0.00005`,
 * `10000000000000000`. Both print the shortest digits that read back as the same float64.
 */
export const pythonFloatText = (x: number): string => {
  const [digits, exponentText] = x.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (x !== 0 && (exponent < -4 || exponent >= 16))
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const text = Object.is(x, -0) ? '-0' : String(x);
  return text.includes('.') ? text : `${text}.0`;
};
