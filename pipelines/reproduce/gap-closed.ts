import { covarianceOfMeans, meanOf } from './sample-moments.js';
import { studentT95 } from './student-t.js';

/** One seed's results that belong together: the lower, the better, as for perplexities. */
export interface GapTrial {
  /** The baseline at 4 bits. */
  readonly baseline: number;
  /** The method at 4 bits. */
  readonly method: number;
  /** The baseline at 8 bits. */
  readonly target: number;
}

/** How much of the gap between baseline and target the method closes. */
export interface GapClosed {
  /** Mean of baseline − target, and in standard errors of that mean where there are two trials at least. */
  readonly gap: number;
  readonly gapInErrors?: number;
  /** (baseline − method) / (baseline − target) of the means; absent where the target is no better than the baseline. */
  readonly ratio?: number;
  /** The ratio as the paper counts it: at most 1. */
  readonly capped?: number;
  /** 95 % confidence interval of the ratio; absent where the gap differs too little from 0 to bound it, or for one trial. */
  readonly interval?: readonly [low: number, high: number];
}

/**
 * Bounds the ratio of two means of paired samples by Fieller's theorem, for jointly normal samples.
 *
 * The set { ρ : (n̄ − ρ d̄)² ≤ t² var(n̄ − ρ d̄) } is an interval only where d̄ is further than t standard errors from 0.
 * Source: E. C. Fieller, Some problems in interval estimation, J. R. Stat. Soc. B 16 (1954).
 */
const ratioInterval = (numerators: readonly number[], denominators: readonly number[]): readonly [number, number] | undefined => {
  const t2 = studentT95(numerators.length - 1) ** 2;
  if (!Number.isFinite(t2)) return undefined;
  const [n, d] = [meanOf(numerators), meanOf(denominators)];
  const a = d * d - t2 * covarianceOfMeans(denominators, denominators);
  if (a <= 0) return undefined;
  const b = n * d - t2 * covarianceOfMeans(numerators, denominators);
  const c = n * n - t2 * covarianceOfMeans(numerators, numerators);
  // With a > 0 the discriminant is never negative; rounding can make it so where the samples do not vary
  const half = Math.sqrt(Math.max(0, b * b - a * c));
  return [(b - half) / a, (b + half) / a];
};

/**
 * Finds the part of the gap between two bit widths that a method closes, capped as in the paper's table 2b and uncapped.
 *
 * @param trials one for each seed, paired: the same seed draws the same order of the text for all three
 */
export const gapClosed = (trials: readonly GapTrial[]): GapClosed => {
  const gaps = trials.map(({ baseline, target }) => baseline - target);
  const gains = trials.map(({ baseline, method }) => baseline - method);
  const gap = meanOf(gaps);
  const error = trials.length > 1 ? Math.sqrt(covarianceOfMeans(gaps, gaps)) : 0;
  const known = { gap, ...(error > 0 && { gapInErrors: gap / error }) };
  if (gap <= 0) return known;
  const ratio = meanOf(gains) / gap;
  const interval = ratioInterval(gains, gaps);
  return { ...known, ratio, capped: Math.min(1, ratio), ...(interval && { interval }) };
};
