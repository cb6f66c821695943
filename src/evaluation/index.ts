export { fullPrecision, quantizedOnTheWay, storedQuantized, withAdapter, type ModelVariant } from './model-variant.js';
export { AdapterError, openPeftAdapter, type AdapterModule, type PeftAdapter } from './peft-adapter.js';
export { perplexityOf } from './perplexity.js';
export type { ScoreArgument } from './score.task.js';

/** Module that workers import to score hidden states. */
export const SCORE_TASK = new URL('./score.task.js', import.meta.url);
