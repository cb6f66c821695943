import type { LayerLoss } from '../initializers/index.js';
import { PROJECTION_TOLERANCE, type UnweightedMeasure, type WeightedMeasure } from './measure-correction.js';
import type { VerificationFailure } from './verification-failure.js';

/**
 * A measured loss may differ from the claimed one by this part of the loss of no correction: certificates keep 10⁻⁴, and
 * hidden states differ by some 10⁻⁵ between processors. A scale that is 7 % off moves it by more.
 */
const LOSS_TOLERANCE = 1e-3;

/** What is claimed of one module's correction. */
export interface CorrectionClaim {
  readonly module: string;
  readonly loss: LayerLoss;
  readonly heldOut: LayerLoss | null;
  /**
   * `projection`: s·B·A = P (W − Q) for an orthogonal projection P. `nothing`: the product is zero. `unknown`: an initializer
   * that is not one of quailora's.
   */
  readonly product: 'projection' | 'nothing' | 'unknown';
}

/** What was measured of it. */
export interface MeasuredCorrection {
  readonly unweighted: UnweightedMeasure;
  /** Undefined without a text, or where the sums can't tell. */
  readonly weighted: WeightedMeasure | undefined;
}

const percent = ({ none, final }: LayerLoss): string => `${(none > 0 ? 100 * (1 - final / none) : 0).toFixed(1)} %`;

const isNear = (measured: number, claimed: number, scale: number): boolean => Math.abs(measured - claimed) <= LOSS_TOLERANCE * scale;

const measuredWorse = ({ none, final }: LayerLoss): boolean => final > (1 + LOSS_TOLERANCE) * none;

/** Guesses what is wrong with a product that should be a projection of its residual. */
const explain = ({ gap, factor, gapAfterScaling, length }: UnweightedMeasure): string => {
  if (gap <= PROJECTION_TOLERANCE) return 'It corrects this residual, but not for these tokens: the factors may be of another run.';
  if (length > 0 && gapAfterScaling <= 100 * PROJECTION_TOLERANCE)
    return `The product looks scaled by ${Number(factor.toPrecision(4))}: check lora_alpha, r and use_rslora.`;
  return `It differs by ${(100 * gap).toPrecision(3)} % from any correction of this residual: the factors are of another model, or were changed.`;
};

const lossFailure = (
  claim: CorrectionClaim,
  { unweighted, weighted }: MeasuredCorrection,
): Omit<VerificationFailure, 'where'> | undefined => {
  if (!weighted) return undefined;
  const pairs = [
    { text: 'calibration', claimed: claim.loss, measured: weighted.loss },
    ...(claim.heldOut && weighted.heldOut ? [{ text: 'held-out', claimed: claim.heldOut, measured: weighted.heldOut }] : []),
  ];
  for (const { text, claimed, measured } of pairs) {
    if (!isNear(measured.none, claimed.none, claimed.none))
      return {
        code: 'QL_VERIFY_STATISTICS',
        message: `Without a correction the loss on the ${text} tokens is ${measured.none}, where report.json claims ${claimed.none}: this is another text, model or base.`,
      };
    if (!isNear(measured.final, claimed.final, claimed.none))
      return {
        code: measuredWorse(measured) ? 'QL_VERIFY_WORSE' : 'QL_VERIFY_LOSS',
        message:
          `s·B·A captures ${percent(measured)} of the loss on the ${text} tokens, where report.json claims ${percent(claimed)}. ${claim.product === 'projection' ? explain(unweighted) : ''}`.trim(),
      };
  }
  if (measuredWorse(weighted.loss))
    return {
      code: 'QL_VERIFY_WORSE',
      message: `The correction makes the loss ${weighted.loss.final}; without it, it is ${weighted.loss.none}.`,
    };
  return undefined;
};

const productFailure = (
  { product }: CorrectionClaim,
  { unweighted, weighted }: MeasuredCorrection,
): Omit<VerificationFailure, 'where'> | undefined => {
  const { gap, length, loss } = unweighted;
  if (product === 'nothing' && length > 0)
    return {
      code: 'QL_VERIFY_PRODUCT',
      message: `s·B·A should be zero, but its Frobenius norm is ${length}: these are other factors, or trained ones.`,
    };
  if (product === 'projection' && gap > PROJECTION_TOLERANCE)
    return {
      code: measuredWorse(loss) ? 'QL_VERIFY_WORSE' : 'QL_VERIFY_PRODUCT',
      message: `s·B·A leaves ${percent({ none: loss.none, final: loss.none - loss.final })} of W − Q (unweighted), and is no projection of it. ${explain(unweighted)}`,
    };
  if (product === 'unknown' && !weighted && measuredWorse(loss))
    return {
      code: 'QL_VERIFY_WORSE',
      message: `s·B·A makes the unweighted error of the weights larger, ${loss.final} in place of ${loss.none}. Give --calibration to see what it does to the outputs.`,
    };
  return undefined;
};

/** Compares what was measured of a module's correction with what is claimed of it; one failure at most, the most telling. */
export const judgeCorrection = (claim: CorrectionClaim, measured: MeasuredCorrection): VerificationFailure | undefined => {
  const failure = lossFailure(claim, measured) ?? productFailure(claim, measured);
  return failure && { ...failure, where: claim.module };
};
