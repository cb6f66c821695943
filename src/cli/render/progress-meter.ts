import type { ProgressEvent } from '../../reports/index.js';

/** How fast a run goes, and how much is left of it. */
export interface ProgressReading {
  /** Resident memory of the process now. */
  readonly residentBytes: number;
  /** Tokens per second through the whole model, everything included; undefined until a token has passed. */
  readonly tokensPerSecond?: number;
  /** For the pass over the blocks that is going on; undefined until it has moved. */
  readonly secondsLeft?: number;
}

/**
 * Makes a reader of progress events; it needs no clock, since the events tell the time.
 *
 * A block number that falls starts a new pass over the blocks.
 */
export const createProgressMeter = (residentBytes: () => number): ((event: ProgressEvent) => ProgressReading) => {
  let passStart = 0;
  let lastBlock = 0;
  let done = 0;
  let totalTokens = 0;
  return (event) => {
    if (event.type !== 'stage' || event.block === undefined || !event.blocks) return { residentBytes: residentBytes() };
    if (event.block < lastBlock) {
      passStart = event.seconds;
      done = 0;
    }
    lastBlock = event.block;
    totalTokens = event.totalTokens ?? totalTokens;
    const partOfBlock = event.tokens !== undefined && event.totalTokens ? event.tokens / event.totalTokens : 0;
    done = Math.max(done, (event.block + partOfBlock) / event.blocks);
    const elapsed = event.seconds - passStart;
    if (done === 0 || elapsed <= 0) return { residentBytes: residentBytes() };
    return {
      residentBytes: residentBytes(),
      ...(totalTokens > 0 && { tokensPerSecond: (done * totalTokens) / elapsed }),
      secondsLeft: (elapsed * (1 - done)) / done,
    };
  };
};
