import { concat, concatMap, defer, from, ignoreElements, mergeMap, type Observable } from 'rxjs';
import {
  CALIBRATION_TASKS,
  HiddenStateStore,
  planSegments,
  type EmbedArgument,
  type FedLayer,
  type HiddenStateBudget,
  type HiddenStates,
  type PropagateArgument,
  type PropagateResult,
  type Segment,
  type SegmentSizes,
  type SummedInput,
} from '../calibration/index.js';
import type { Window } from '../corpus/index.js';
import { ByteLedger } from '../foundation/index.js';
import type { CausalModel, LinearForm } from '../models/index.js';
import { buffersOf, type ModuleReference, type WorkerPool } from '../runtime/index.js';
import type { ModelWalk } from './model-walk.js';
import type { WalkStep } from './shard-needs.js';

/** Sizes measured to be good on two cores: two windows of 256 a run, a partial sum every 4,096 tokens. */
const STOCK_SEGMENT_SIZES: SegmentSizes = { runTokens: 512, segmentTokens: 4096 };

/** Token windows by the split they belong to. */
export interface SplitWindows {
  readonly calibration: readonly Window[];
  readonly heldOut: readonly Window[];
}

/** What a block's passage may be asked for besides the next hidden states. */
export interface PassageOptions {
  /** Those that pass, out of the propagation's own; all of them unless told. */
  readonly segments?: readonly Segment[];
  /** Where given, the tokens of routed experts are counted as well. */
  readonly sums?: readonly SummedInput[];
  /** Activations whose chunks come back as Arrow IPC streams; none unless told. */
  readonly listenTo?: readonly string[];
  readonly consumers?: readonly ModuleReference[];
  /** The propagation's own unless told. */
  readonly form?: LinearForm;
  readonly fed?: readonly FedLayer[];
  /** First segment to move, by its sequence number; those before it have passed the block already. */
  readonly from?: number;
  /** Awaited before each segment is moved. */
  readonly ready?: () => Promise<void>;
}

/** One segment that has passed a block. */
export interface Passage extends Omit<PropagateResult, 'hidden'> {
  readonly segment: Segment;
  /** Position among the segments that pass. */
  readonly sequence: number;
}

/** Ids of all tokens of a segment one after the other. */
export const segmentIds = (segment: Segment, windows: readonly Window[]): Int32Array => {
  const ids = new Int32Array(segment.tokens);
  let at = 0;
  for (const { firstWindow, windows: count } of segment.runs)
    for (const window of windows.slice(firstWindow, firstWindow + count)) {
      ids.set(window, at);
      at += window.length;
    }
  return ids;
};

let passages = 0;

/** Hidden states of a set of windows on their way through a model, block by block. */
export class Propagation {
  /** All segments: those of the calibration first, then those held out. */
  readonly segments: readonly Segment[];
  /** Bytes of hidden states and activations. */
  readonly activationBytes = new ByteLedger();
  private readonly store: HiddenStateStore;
  private readonly windowTokens: number;
  private kept: ReadonlySet<number> = new Set();

  constructor(
    private readonly model: CausalModel,
    private readonly windows: SplitWindows,
    private readonly pool: WorkerPool,
    budget: HiddenStateBudget,
    sizes: SegmentSizes = STOCK_SEGMENT_SIZES,
    private readonly walk?: Pick<ModelWalk, 'arrive'>,
    private readonly form: LinearForm = 'stored',
  ) {
    const plan = (split: 'calibration' | 'heldOut'): Segment[] =>
      planSegments(
        windows[split].map(({ length }) => length),
        split,
        sizes,
      );
    this.segments = [...plan('calibration'), ...plan('heldOut')];
    this.store = new HiddenStateStore(this.segments, model.hiddenSize, budget);
    this.windowTokens = Math.max(0, ...this.segments.flatMap(({ runs }) => runs.map((run) => run.windowTokens)));
  }

  /** Makes every token its first hidden state; completes without a value. */
  embed(): Observable<never> {
    return this.arriving('entry', () => {
      const { embedding, hiddenSize } = this.model;
      const entry = this.model.entry({ windowTokens: this.windowTokens });
      return from(this.segments).pipe(
        mergeMap(async (segment) => {
          const ids = segmentIds(segment, this.windows[segment.split]);
          const argument: EmbedArgument = { embedding, entry, hiddenSize, segment, ids, spillTo: this.store.spillPath(segment, -1) };
          const states = await this.pool.call<HiddenStates>(CALIBRATION_TASKS.embed, 'embed', argument, buffersOf(argument.ids));
          this.put(segment, states);
        }, this.pool.workers),
        ignoreElements(),
      );
    });
  }

  /** Moves segments through one block, every one once; they arrive as they finish. */
  through(block: number, options: PassageOptions = {}): Observable<Passage> {
    return this.arriving(block, () => {
      const { segments = this.segments, sums = [], listenTo = [], consumers = [], form = this.form, fed = [] } = options;
      const wanted = new Set([...sums.map(({ input, rows }) => rows?.activation ?? input), ...listenTo]);
      const mixture = options.sums && this.model.mixture?.(block);
      const routed = mixture && {
        ...{ experts: mixture.experts, expertsPerToken: mixture.expertsPerToken },
        inputs: mixture.inputs.filter(({ name }) => wanted.has(name)),
      };
      const inputs = consumers.length > 0 ? this.model.inputs(block) : this.model.inputs(block).filter(({ name }) => wanted.has(name));
      const lora = new Set(fed.filter((layer) => layer.lora).map(({ layer }) => layer.module));
      const activations = inputs.length > 0 || routed !== undefined;
      const piece = this.model.block(block, { windowTokens: this.windowTokens, linear: form, lora, activations });
      // Unique: a worker that kept a block of another passage has other weights or sums in it.
      const key = `passage ${passages++}`;
      const { hiddenSize } = this.model;
      const shared = { key, piece, block, hiddenSize, inputs, mixture: routed, sums, listenTo, consumers, form, fed };
      const passages$ = from([...segments.entries()].slice(options.from ?? 0)).pipe(
        mergeMap(async ([sequence, segment]): Promise<Passage> => {
          await options.ready?.();
          const hidden = this.store.take(segment);
          const argument: PropagateArgument = { ...shared, segment, hidden, spillTo: this.store.spillPath(segment, block) };
          const moved = 'values' in hidden ? buffersOf(hidden.values) : [];
          const { hidden: next, ...outcome } = await this.pool.call<PropagateResult>(
            CALIBRATION_TASKS.propagate,
            'propagate',
            argument,
            moved,
          );
          this.note(outcome.activationBytes);
          this.put(segment, next);
          return { ...outcome, segment, sequence };
        }, this.pool.workers),
      );
      const forget = async (): Promise<void> => {
        // Others have yet to pass where only some were asked for.
        if (!options.segments && !this.kept.has(block - 1)) await this.store.forget(block - 1);
      };
      return concat(passages$, defer(forget).pipe(ignoreElements()));
    });
  }

  /**
   * Keeps the files of the hidden states that left these blocks (-1: the embedding), also when all segments have moved on; files of
   * blocks that were kept before and are not any more are removed.
   */
  async keep(blocks: readonly number[]): Promise<void> {
    const before = this.kept;
    this.kept = new Set(blocks);
    for (const block of before) if (!this.kept.has(block)) await this.store.forget(block);
  }

  /** Keeps the files of these blocks as well, until the next `keep`. */
  alsoKeep(blocks: readonly number[]): void {
    this.kept = new Set([...this.kept, ...blocks]);
  }

  /** File of a segment's hidden states after a block; undefined where they stay in memory. */
  fileAfter(segment: Segment, block: number): string | undefined {
    return this.store.spillPath(segment, block);
  }

  /** Puts segments where an earlier run left them: after `block` the first `passed` of them, before it the others. */
  resumeAt(block: number, passed: number): void {
    for (const [sequence, segment] of this.segments.entries()) {
      const file = this.store.spillPath(segment, sequence < passed ? block : block - 1);
      if (file !== undefined) this.store.put(segment, { file });
    }
  }

  /** Hands the final hidden states of each segment to `use`, one segment at a time for each worker, and drops them. */
  finish<Out>(use: (segment: Segment, states: HiddenStates) => Promise<Out>): Observable<Out> {
    return this.arriving('head', () =>
      from(this.segments).pipe(mergeMap((segment) => use(segment, this.store.take(segment)), this.pool.workers)),
    );
  }

  /** Drops all hidden states, files included. */
  async clear(): Promise<void> {
    await this.store.clear();
  }

  /** Begins work when the walk has the step's shards on the disk. */
  private arriving<Out>(step: WalkStep, work: () => Observable<Out>): Observable<Out> {
    return defer(async () => this.walk?.arrive(step)).pipe(concatMap(work));
  }

  private put(segment: Segment, states: HiddenStates): void {
    this.store.put(segment, states);
    this.note(0);
  }

  private note(workerBytes: number): void {
    const bytes = this.store.residentBytes() + workerBytes * this.pool.workers;
    this.activationBytes.hold(bytes);
    this.activationBytes.drop(bytes);
  }
}
