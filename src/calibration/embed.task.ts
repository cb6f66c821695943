import { readTensorRows, type TensorLocation } from '../checkpoint/index.js';
import { toFloat32 } from '../foundation/index.js';
import type { ModelPiece } from '../models/index.js';
import { buffersOf, Session, type WorkerTask } from '../runtime/index.js';
import { writeHiddenStates } from '../transport/index.js';
import type { HiddenStates } from './propagate.task.js';
import { runPositions, type Segment } from './segments.js';

/** Tokens of one segment that become the first hidden states. */
export interface EmbedArgument {
  /** [vocabulary, width] */
  readonly embedding: TensorLocation;
  /** What is computed from the rows of the table; undefined where they are the hidden states. */
  readonly entry: ModelPiece | undefined;
  readonly hiddenSize: number;
  readonly segment: Segment;
  /** Ids of all the segment's tokens one after the other. */
  readonly ids: Int32Array;
  readonly spillTo: string | undefined;
}

/** Sends the embedded tokens of a segment through the entry piece, run by run. */
const enter = async (entry: ModelPiece, rows: Float32Array, argument: EmbedArgument, threads: number): Promise<Float32Array> => {
  const { embedding, hiddenSize, segment } = argument;
  const width = embedding.shape[1]!;
  const hidden = new Float32Array(segment.tokens * hiddenSize);
  const session = await Session.open(entry.label, entry.graph, { externalFolder: entry.externalFolder, threads });
  try {
    let begin = 0;
    for (const run of segment.runs) {
      const lead = [run.windows, run.windowTokens];
      const end = begin + run.windows * run.windowTokens;
      await session.run(
        {
          hidden: { data: rows.subarray(begin * width, end * width), shape: [...lead, width] },
          positions: { data: runPositions(run), shape: lead },
        },
        { next: { data: hidden.subarray(begin * hiddenSize, end * hiddenSize), shape: [...lead, hiddenSize] } },
      );
      begin = end;
    }
  } finally {
    await session.release();
  }
  return hidden;
};

/** Looks tokens up in the embedding table, reading only the rows they need, and computes the first hidden states. */
export const embed: WorkerTask<EmbedArgument, HiddenStates> = async (argument, { threads }) => {
  const { embedding, entry, hiddenSize, segment, ids, spillTo } = argument;
  const rows = toFloat32(await readTensorRows(embedding, ids), embedding.dtype);
  const values = entry ? await enter(entry, rows, argument, threads) : rows;
  if (spillTo === undefined) return { value: { values }, transfer: buffersOf(values) };
  await writeHiddenStates(spillTo, values, hiddenSize, {
    block: 'embedding',
    split: segment.split,
    segment: String(segment.index),
  });
  return { value: { file: spillTo } };
};
