/** The mean of a sample and how well it is known. */
export interface MeanAndError {
  readonly mean: number;
  /** Standard error of the mean, with n − 1; absent for one value, which says nothing about it. */
  readonly standardError?: number;
  readonly count: number;
}

/**
 * Finds the mean of values; NaN for none.
 */
export const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Estimates the covariance of the means of two samples that were drawn in pairs: Σ(x − x̄)(y − ȳ) / (n (n − 1)).
 *
 * @param x at least two values
 * @param y as many; x again for the squared standard error of its mean
 */
export const covarianceOfMeans = (x: readonly number[], y: readonly number[]): number => {
  const [meanX, meanY] = [meanOf(x), meanOf(y)];
  const sum = x.reduce((total, value, i) => total + (value - meanX) * (y[i]! - meanY), 0);
  return sum / (x.length * (x.length - 1));
};

/** Finds the mean and its standard error. */
export const meanAndError = (values: readonly number[]): MeanAndError => ({
  mean: meanOf(values),
  ...(values.length > 1 && { standardError: Math.sqrt(covarianceOfMeans(values, values)) }),
  count: values.length,
});
