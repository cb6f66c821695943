import { readMatrix, type TensorLocation } from '../checkpoint/index.js';
import { rowMajor, Stopwatch } from '../foundation/index.js';
import type { LinearForm, ModelPiece } from '../models/index.js';
import { quantizeResidual, type Quantizer, type QuantizeOptions } from '../quantizers/index.js';
import {
  buffersOf,
  collectGarbage,
  loadReference,
  Session,
  type ModuleReference,
  type SessionTensor,
  type TaskResult,
  type WorkerTask,
} from '../runtime/index.js';
import {
  encodeActivationChunk,
  makeActivationChunk,
  readHiddenStates,
  writeHiddenStates,
  type ActivationChunk,
} from '../transport/index.js';
import { readFedLayers, type FedLayer } from './fed-layers.js';
import { GramFold, GramGraphs, type GramResidual } from './gram-fold.js';
import { RoutedRows, type RoutedInputs } from './routed-rows.js';
import { runPositions, type Run, type Segment } from './segments.js';
import { readSplitWeights } from './read-split-weights.js';
import type { SymmetricPanels } from './symmetric-sums.js';

/** Hidden states of a segment: all its tokens one after the other, or the Arrow IPC file that holds them. */
export type HiddenStates = { readonly values: Float32Array } | { readonly file: string };

/** E [rows, width] of a sum: over shared memory, or where a worker makes it from, which spares the copies. */
export type SummedResidual = { readonly rows: number } & (
  | { readonly E: Float32Array }
  | { readonly of: { readonly location: TensorLocation; readonly quantizer: ModuleReference; readonly options: QuantizeOptions } }
);

/** One activation of a block that is summed over. */
export interface SummedInput {
  readonly input: string;
  readonly width: number;
  /** For a mixture: the activation that `input` is part of, and the expert whose rows it is, or all of them. */
  readonly rows?: { readonly activation: string; readonly expert: number | 'all' };
  /** Sum only the first so many calibration segments, and nothing that is held out; everything unless told. */
  readonly segments?: number;
  /** Where Σ (E x)(E x)ᵀ is wanted in place of Σ x xᵀ. */
  readonly residual: SummedResidual | undefined;
}

/** Consumes the activation chunks of one segment in the worker where they were made. */
export interface ChunkConsumer {
  /** Takes the next chunk; its bytes are used again after the promise settles, so copy what is kept. */
  consume(chunk: ActivationChunk): Promise<void> | void;
  /** Called after the segment's last chunk; the value is cloned to the main thread. */
  finish(): unknown;
}

/** What moves one segment of hidden states through one block. */
export interface PropagateArgument {
  /** Equal for all segments of one piece; a worker keeps the piece until another key comes. */
  readonly key: string;
  readonly piece: ModelPiece;
  readonly block: number;
  readonly hiddenSize: number;
  readonly segment: Segment;
  readonly hidden: HiddenStates;
  /** Where the next hidden states go when they are not to be returned. */
  readonly spillTo: string | undefined;
  readonly inputs: readonly { readonly name: string; readonly width: number }[];
  /** The block's routed experts, where their tokens are to be counted; `inputs` are those that `sums` are made of. */
  readonly mixture?: RoutedInputs | undefined;
  readonly sums: readonly SummedInput[];
  /** Activations whose chunks are returned to the main thread. */
  readonly listenTo: readonly string[];
  /** Makers `() => ChunkConsumer`, one consumer for each segment. */
  readonly consumers: readonly ModuleReference[];
  readonly form: LinearForm;
  readonly fed: readonly FedLayer[];
}

/** What comes back. */
export interface PropagateResult {
  readonly hidden: HiddenStates;
  /** In the order of `sums`; no panels where nothing was summed. */
  readonly sums: readonly SymmetricPanels[];
  /** Tokens routed to each expert; undefined where that was not asked for. */
  readonly expertTokens?: readonly number[] | undefined;
  /** Arrow IPC streams in sequence order. */
  readonly chunks: readonly Uint8Array[];
  /** In the order of `consumers`. */
  readonly consumed: readonly unknown[];
  /** Bytes of activations and hidden states that this task held at most. */
  readonly activationBytes: number;
  readonly seconds: PassageSeconds;
}

/**
 * Seconds that one segment took in its worker: loading the block (none where the worker had it), the block's arithmetic, the
 * sums of activations, and hidden states read from files and written to them.
 */
export type PassageSeconds = Readonly<Record<'load' | 'forward' | 'sums' | 'spill', number>>;

/** What a worker keeps between the segments of one block. */
interface OpenPiece {
  readonly key: string;
  readonly session: Session;
  readonly feeds: Readonly<Record<string, SessionTensor>>;
  readonly folds: readonly GramFold[];
  readonly graphs: GramGraphs;
}

let open: OpenPiece | undefined;
let buffers = new Map<string, Float32Array>();

const release = async ({ session, graphs }: Pick<OpenPiece, 'session' | 'graphs'>): Promise<void> => {
  await session.release();
  await graphs.release();
};

const releasePiece = async (): Promise<void> => {
  const piece = open;
  open = undefined;
  buffers = new Map();
  if (piece) await release(piece);
};

/** Makes room for another task: sessions are closed, and arrays are given back. */
const makeWay = async (): Promise<void> => {
  const feeds = Object.values(open?.feeds ?? {}).reduce((bytes, { data }) => bytes + data.byteLength, 0);
  const residuals = open?.folds.reduce((bytes, fold) => bytes + fold.residualBytes, 0) ?? 0;
  await releasePiece();
  collectGarbage(feeds + residuals);
};

const gramResidual = async (residual: SummedResidual): Promise<GramResidual> => {
  if ('E' in residual) return residual;
  const { location, quantizer, options } = residual.of;
  const { E } = await quantizeResidual(await readMatrix(location), await loadReference<Quantizer>(quantizer), options);
  collectGarbage(4 * E.size);
  return { rows: residual.rows, E: rowMajor(E) };
};

const openPiece = async ({ key, piece, form, fed, sums }: PropagateArgument, threads: number): Promise<OpenPiece> => {
  if (open?.key === key) return open;
  await releasePiece();
  // Float products with weights that are fed would depend on the number of threads.
  const session = await Session.open(piece.label, piece.graph, {
    externalFolder: piece.externalFolder,
    threads: form === 'fed' || form === 'int8' || fed.length > 0 ? 1 : threads,
  });
  const folds: GramFold[] = [];
  const graphs = new GramGraphs(threads);
  try {
    for (const { width, residual } of sums) folds.push(await GramFold.open(width, residual && (await gramResidual(residual)), graphs));
    const slices = await readSplitWeights(piece);
    return (open = { key, session, feeds: { ...(await readFedLayers(fed, form)), ...slices }, folds, graphs });
  } catch (error) {
    await release({ session, graphs });
    throw error;
  }
};

const buffer = (name: string, length: number): Float32Array => {
  let held = buffers.get(name);
  if (!held || held.length < length) buffers.set(name, (held = new Float32Array(length)));
  return held.subarray(0, length);
};

const windowsOf = ({ firstWindow, windows, windowTokens }: Run): Int32Array =>
  Int32Array.from({ length: windows * windowTokens }, (_, i) => firstWindow + Math.floor(i / windowTokens));

/** What one run of a block gave besides the next hidden states. */
interface BlockRun {
  readonly chunks: readonly ActivationChunk[];
  readonly routed: RoutedRows | undefined;
}

/** Sends one run through the block; `hidden` is overwritten by the block's output. */
const runBlock = async (piece: OpenPiece, argument: PropagateArgument, run: Run, hidden: Float32Array): Promise<BlockRun> => {
  const lead = [run.windows, run.windowTokens];
  const tokens = run.windows * run.windowTokens;
  const state = { data: hidden, shape: [...lead, argument.hiddenSize] };
  const activations = argument.inputs.map(({ name, width }) => ({ name, width, data: buffer(name, tokens * width) }));
  const routed = argument.mixture && new RoutedRows(argument.mixture, tokens, buffer);
  const fetches: Record<string, SessionTensor> = { next: state, ...routed?.fetches };
  for (const { name, width, data } of activations) fetches[name] = { data, shape: [...lead, width] };
  await piece.session.run({ hidden: state, positions: { data: runPositions(run), shape: lead }, ...piece.feeds }, fetches);
  const header = { sequence: run.sequence, block: argument.block, split: argument.segment.split };
  const windows = windowsOf(run);
  const chunks = activations.map(({ name, width, data }) => makeActivationChunk({ ...header, input: name }, data, width, windows));
  return { chunks, routed };
};

/** True where a sum takes a segment's tokens. */
const sumsSegment = ({ segments }: SummedInput, { split, index }: Segment): boolean =>
  segments === undefined || (split === 'calibration' && index < segments);

/** Adds what one run gave to the sums that take it. */
const foldRun = async ({ folds }: OpenPiece, { sums, segment }: PropagateArgument, { chunks, routed }: BlockRun): Promise<void> => {
  for (const [i, sum] of sums.entries()) {
    if (!sumsSegment(sum, segment)) continue;
    if (sum.rows) await folds[i]!.addRows(routed!.rowsOf(sum.rows.activation, sum.rows.expert));
    else for (const chunk of chunks) if (chunk.input === sum.input) await folds[i]!.add(chunk);
  }
};

const passSegment = async (
  piece: OpenPiece,
  argument: PropagateArgument,
  throwIfStopped: () => void,
  seconds: Stopwatch<keyof PassageSeconds>,
): Promise<TaskResult<PropagateResult>> => {
  const { segment, hiddenSize, listenTo, spillTo } = argument;
  const read = argument.hidden;
  const hidden = 'file' in read ? await seconds.time('spill', () => readHiddenStates(read.file)) : read.values;
  const consumers: ChunkConsumer[] = [];
  for (const reference of argument.consumers) consumers.push((await loadReference<() => ChunkConsumer>(reference))());
  const chunks: Uint8Array[] = [];
  const expertTokens = argument.mixture && Array.from({ length: argument.mixture.experts }, () => 0);
  let begin = 0;
  for (const run of segment.runs) {
    throwIfStopped();
    const end = begin + run.windows * run.windowTokens * hiddenSize;
    const outcome = await seconds.time('forward', () => runBlock(piece, argument, run, hidden.subarray(begin, end)));
    await seconds.time('sums', () => foldRun(piece, argument, outcome));
    outcome.routed?.counts.forEach((count, expert) => (expertTokens![expert]! += count));
    for (const chunk of outcome.chunks) {
      if (listenTo.includes(chunk.input)) chunks.push(encodeActivationChunk(chunk));
      for (const consumer of consumers) await consumer.consume(chunk);
    }
    begin = end;
  }
  const panels = piece.folds.map((fold) => (fold.untouched ? [] : fold.take()));
  const activationBytes = hidden.byteLength + [...buffers.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const consumed = consumers.map((consumer) => consumer.finish());
  if (spillTo !== undefined) {
    const meaning = { block: String(argument.block), split: segment.split, segment: String(segment.index) };
    await seconds.time('spill', () => writeHiddenStates(spillTo, hidden, hiddenSize, meaning));
    collectGarbage(hidden.byteLength);
  }
  const next: HiddenStates = spillTo === undefined ? { values: hidden } : { file: spillTo };
  return {
    value: { hidden: next, sums: panels, expertTokens, chunks, consumed, activationBytes, seconds: seconds.seconds },
    transfer: buffersOf(...('values' in next ? [hidden] : []), ...panels.flat(), ...chunks),
  };
};

/** Moves one segment through one block, folding its activation chunks on the way; a failure leaves no half sum behind. */
export const propagate: WorkerTask<PropagateArgument, PropagateResult> = async (argument, context) => {
  const { threads, throwIfStopped, stay } = context;
  const seconds = new Stopwatch<keyof PassageSeconds>({ load: 0, forward: 0, sums: 0, spill: 0 });
  const piece = await seconds.time('load', () => openPiece(argument, threads));
  stay(makeWay);
  try {
    return await passSegment(piece, argument, throwIfStopped, seconds);
  } catch (error) {
    await releasePiece();
    throw error;
  }
};
