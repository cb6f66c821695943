import { readTensorRows, type TensorLocation } from '../checkpoint/index.js';
import { toFloat32 } from '../foundation/index.js';
import { buffersOf, type WorkerTask } from '../runtime/index.js';
import { writeHiddenStates } from '../transport/index.js';
import type { HiddenStates } from './propagate.task.js';
import type { Segment } from './segments.js';

/** Tokens of one segment that become the first hidden states. */
export interface EmbedArgument {
  /** [vocabulary, hidden] */
  readonly embedding: TensorLocation;
  readonly segment: Segment;
  /** Ids of all the segment's tokens one after the other. */
  readonly ids: Int32Array;
  readonly spillTo: string | undefined;
}

/** Looks tokens up in the embedding table, reading only the rows they need. */
export const embed: WorkerTask<EmbedArgument, HiddenStates> = async ({ embedding, segment, ids, spillTo }) => {
  const values = toFloat32(await readTensorRows(embedding, ids), embedding.dtype);
  if (spillTo === undefined) return { value: { values }, transfer: buffersOf(values) };
  await writeHiddenStates(spillTo, values, embedding.shape[1]!, {
    block: 'embedding',
    split: segment.split,
    segment: String(segment.index),
  });
  return { value: { file: spillTo } };
};
