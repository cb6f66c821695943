import type { ChunkConsumer } from '../../src/calibration/index.js';
import { chunkTokens, chunkValues, chunkWidth } from '../../src/transport/index.js';

/** What `watching` finds out about a segment. */
export interface Seen {
  readonly sequences: number[];
  /** Largest magnitude by activation. */
  readonly peaks: Record<string, number>;
  tokens: number;
}

/** Notes what passes. */
export const watching = (): ChunkConsumer => {
  const seen: Seen = { sequences: [], peaks: {}, tokens: 0 };
  return {
    consume: async (chunk) => {
      const values = chunkValues(chunk);
      if (values.length !== chunkTokens(chunk) * chunkWidth(chunk)) throw new RangeError('misshapen');
      if (chunk.input === 'mlp_input') {
        seen.sequences.push(chunk.sequence);
        seen.tokens += chunkTokens(chunk);
      }
      seen.peaks[chunk.input] = values.reduce((peak, value) => Math.max(peak, Math.abs(value)), seen.peaks[chunk.input] ?? 0);
    },
    finish: () => seen,
  };
};

/** Fails at the chunk with the given sequence number. */
export const failingAt = (sequence: number) => (): ChunkConsumer => ({
  consume: (chunk) => {
    if (chunk.sequence === sequence && chunk.input === 'mlp_hidden') throw new RangeError(`chunk ${sequence}`);
  },
  finish: () => undefined,
});

/** Fails in the middle of a segment. */
export const failingAtOne = failingAt(1);
