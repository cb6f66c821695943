/** What one number of calibration tokens achieves. */
export interface TokenPoint {
  readonly tokens: number;
  /** Held-out loss with the correction, as a part of the loss without one. */
  readonly loss: number;
}

/** How the held-out loss falls with the calibration tokens. */
export interface TokenCurve {
  /** The loss that endless tokens would leave. */
  readonly limit: number;
  /** Fewest tokens from which on the loss stays within the tolerance of the limit; undefined when no point is. */
  readonly leastTokens: number | undefined;
}

/** Tolerances are parts of the limit, but of no less than this: what is left of a kind that is nearly all corrected matters little. */
const SMALL_LOSS = 0.1;

/** The limit in the least squares of limit + slope / tokens, both at least 0, weighted by tokens². */
const fitLimit = (points: readonly TokenPoint[]): number => {
  let [weights, x, y, xx, xy] = [0, 0, 0, 0, 0];
  // In units of the last point, so that no power of the tokens overflows or vanishes.
  const unit = points.at(-1)!.tokens;
  for (const { tokens, loss } of points) {
    const [weight, inverse] = [(tokens / unit) ** 2, unit / tokens];
    weights += weight;
    x += weight * inverse;
    y += weight * loss;
    xx += weight * inverse * inverse;
    xy += weight * inverse * loss;
  }
  const slope = (weights * xy - x * y) / (weights * xx - x * x);
  return slope > 0 ? Math.max(0, (y - slope * x) / weights) : y / weights;
};

/**
 * Fits the held-out loss that a correction leaves, as a function of its calibration tokens N: limit · (1 + c / N).
 *
 * A correction that was computed from a sample is off by an error whose square falls as 1 / N. Measured curves
 * (SmolLM2-135M, and the embedded model) fall as N⁻¹·⁰ to N⁻¹·⁷, ever more like 1 / N, so the limit is placed too low rather than too
 * high. Deviations from the law are taken to be in proportion to 1 / N as well, hence the weights N².
 *
 * The law gives the limit only. The fewest tokens are read off the measured points: from the last one that is not within
 * the tolerance on, linear in 1 / N.
 *
 * @param points by rising tokens, two at least
 * @param tolerance part of `max(limit, 0.1)` by which the loss may be above the limit
 * @throws RangeError for fewer points, for others than numbers of at least 0, or in another order
 */
export const fitTokenCurve = (points: readonly TokenPoint[], tolerance: number): TokenCurve => {
  if (points.length < 2) throw new RangeError(`A curve needs two points, not ${points.length}.`);
  points.forEach(({ tokens, loss }, i) => {
    if (!(tokens > (points[i - 1]?.tokens ?? 0) && tokens < Infinity))
      throw new RangeError(`Point ${i} has ${tokens} tokens: they have to rise.`);
    if (!(loss >= 0 && loss < Infinity)) throw new RangeError(`Point ${i} has the loss ${loss}, which has to be a number of at least 0.`);
  });
  const limit = fitLimit(points);
  return { limit, leastTokens: readOff(points, limit + tolerance * Math.max(limit, SMALL_LOSS)) };
};

/** Fewest tokens from which on the loss is at most `bound`. */
const readOff = (points: readonly TokenPoint[], bound: number): number | undefined => {
  const above = points.findLastIndex(({ loss }) => loss > bound);
  if (above < 0) return points[0]!.tokens;
  const [from, to] = [points[above]!, points[above + 1]];
  if (!to) return undefined;
  const part = (from.loss - bound) / (from.loss - to.loss);
  return 1 / (1 / from.tokens + part * (1 / to.tokens - 1 / from.tokens));
};
