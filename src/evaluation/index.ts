export { checkAdapter, type AdapterClaims, type CheckedAdapter } from './check-adapter.js';
export { checkExperts, type CheckedExperts, type ExpertFactors } from './check-experts.js';
export { checkBase, type BaseClaims, type CheckedBase, type PlainPair } from './check-base.js';
export { describeDifference, describePlainDifference } from './compare-tensors.js';
export { judgeCorrection, type CorrectionClaim, type MeasuredCorrection } from './judge-correction.js';
export { measureUnweighted, measureWeighted, type UnweightedMeasure, type WeightedMeasure } from './measure-correction.js';
export { fullPrecision, quantizedOnTheWay, storedQuantized, withAdapter, type ModelVariant } from './model-variant.js';
export { AdapterError } from './adapter-error.js';
export { openPeftAdapter, readPeftAdapterParts, type AdapterModule, type PeftAdapter, type PeftAdapterParts } from './peft-adapter.js';
export { perplexityOf } from './perplexity.js';
export type { ScoreArgument } from './score.task.js';
export { VerificationError, type VerificationFailure } from './verification-failure.js';

/** Module that workers import to score hidden states. */
export const SCORE_TASK = new URL('./score.task.js', import.meta.url);
