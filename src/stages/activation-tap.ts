import { concatMap, type MonoTypeOperatorFunction } from 'rxjs';
import type { Segment } from '../calibration/index.js';
import type { ModuleReference } from '../runtime/index.js';
import { decodeActivationChunk, type ActivationChunk } from '../transport/index.js';
import type { Passage } from './propagation.js';

/** Watches the activation stream on the main thread, chunk by chunk, in the order of the token stream. */
export interface ActivationTap {
  /** Names of the activations it wants (`CausalModel.inputs`), or all of them. */
  readonly inputs: readonly string[] | 'all';
  /** Called for each chunk; the stream waits for it. */
  consume(chunk: ActivationChunk): Promise<void> | void;
}

/** Watches the activation stream in the workers where it is made; only what a consumer finds out crosses threads. */
export interface WorkerTap {
  /** Exported `() => ChunkConsumer`; every segment of every block gets a consumer of its own. */
  readonly consumer: ModuleReference;
  /** Takes what a segment's consumer returned, in the order of the token stream. */
  collect(found: unknown, from: { readonly block: number; readonly segment: Segment }): Promise<void> | void;
}

/** Custom watchers of a run. */
export interface ActivationTaps {
  readonly taps?: readonly ActivationTap[];
  readonly workerTaps?: readonly WorkerTap[];
}

/** Hands the passages of a block, which must come in sequence, to the taps. */
export const tapActivations = (block: number, { taps = [], workerTaps = [] }: ActivationTaps): MonoTypeOperatorFunction<Passage> =>
  concatMap(async (passage) => {
    for (const bytes of passage.chunks) {
      const chunk = decodeActivationChunk(bytes);
      for (const tap of taps) if (tap.inputs === 'all' || tap.inputs.includes(chunk.input)) await tap.consume(chunk);
    }
    for (const [i, workerTap] of workerTaps.entries()) await workerTap.collect(passage.consumed[i], { block, segment: passage.segment });
    return passage;
  });

/** Names of the activations that some tap wants, out of those a block has. */
export const tappedInputs = ({ taps = [] }: ActivationTaps, inputs: readonly { readonly name: string }[]): string[] =>
  inputs.map(({ name }) => name).filter((name) => taps.some((tap) => tap.inputs === 'all' || tap.inputs.includes(name)));
