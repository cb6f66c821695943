import type { HiddenStates, Segment } from '../calibration/index.js';
import type { ModelPiece } from '../models/index.js';
import { buffersOf, Session, type WorkerTask } from '../runtime/index.js';
import { readHiddenStates } from '../transport/index.js';

/** Bytes of logits computed at once; decides how many rows go through the head in one run. */
const LOGIT_BYTES = 48 * 1024 * 1024;

/** Final hidden states of one segment that are to be scored. */
export interface ScoreArgument {
  /** The model's head; a worker keeps it until the pool ends. */
  readonly piece: ModelPiece;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly segment: Segment;
  readonly hidden: HiddenStates;
  /** Ids of all the segment's tokens one after the other. */
  readonly ids: Int32Array;
}

let head: { readonly key: string; readonly session: Session } | undefined;

const openHead = async (piece: ModelPiece, threads: number): Promise<Session> => {
  const key = `${piece.label} ${piece.externalFolder}`;
  if (head?.key === key) return head.session;
  await head?.session.release();
  head = undefined;
  const session = await Session.open(piece.label, piece.graph, { externalFolder: piece.externalFolder, threads });
  head = { key, session };
  return session;
};

/**
 * Scores each token of a segment given those before it in its window.
 *
 * @returns natural log-probabilities window by window, none for a window's first token
 */
export const score: WorkerTask<ScoreArgument, Float32Array> = async (argument, { threads, throwIfStopped, makeRoom }) => {
  await makeRoom();
  const { piece, hiddenSize, vocabularySize, segment, ids } = argument;
  const session = await openHead(piece, threads);
  const hidden = 'file' in argument.hidden ? await readHiddenStates(argument.hidden.file) : argument.hidden.values;
  const lengths = segment.runs.flatMap(({ windows, windowTokens }) => Array.from({ length: windows }, () => windowTokens));
  const scored = new Float32Array(lengths.reduce((sum, length) => sum + Math.max(0, length - 1), 0));
  const rowsAtOnce = Math.max(1, Math.floor(LOGIT_BYTES / (4 * vocabularySize)));
  let begin = 0;
  let written = 0;
  for (const length of lengths) {
    for (let first = 0; first < length - 1; first += rowsAtOnce) {
      throwIfStopped();
      const rows = Math.min(rowsAtOnce, length - 1 - first);
      const at = begin + first;
      const targets = BigInt64Array.from({ length: rows }, (_, i) => BigInt(ids[at + i + 1]!));
      await session.run(
        {
          hidden: { data: hidden.subarray(at * hiddenSize, (at + rows) * hiddenSize), shape: [rows, hiddenSize] },
          targets: { data: targets, shape: [rows, 1] },
        },
        { logprob: { data: scored.subarray(written, written + rows), shape: [rows, 1] } },
      );
      written += rows;
    }
    begin += length;
  }
  return { value: scored, transfer: buffersOf(scored) };
};
