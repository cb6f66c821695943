import { concat, concatMap, defer, EMPTY, finalize, from, ignoreElements, merge, type Observable, of, range, Subject } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import { failAfterClosing } from '../src/foundation/index.js';
import type { Initializer } from '../src/initializers/index.js';
import { findFinished, listWrittenFiles, type RunFingerprint } from '../src/journal/index.js';
import { requireFit, type ExecutionPlan, type FloatChoices } from '../src/planning/index.js';
import type { Quantizer } from '../src/quantizers/index.js';
import {
  damagedNotice,
  finishedNotice,
  initializationReport,
  processorsNotice,
  readReport,
  recordSolved,
  resumedNotice,
  transferProgress,
  type InitializationReport,
  type ProgressEvent,
  type SolvedRecord,
} from '../src/reports/index.js';
import {
  calibrateBlock,
  calibrationFacts,
  chooseRun,
  countTokens,
  describeRestored,
  dropStatistics,
  fingerprintRun,
  keepsWeights,
  openClaimedOutput,
  openStatisticsKeeper,
  outputFiles,
  passBlock,
  planRun,
  requireLoadableBase,
  requireTokenChoice,
  resolvePlaced,
  RunCheckpoints,
  RunClock,
  settleTokens,
  solveBlock,
  startRun,
  stockInitializer,
  sumsG,
  unfinishedBlocks,
  versions,
  withTokens,
  type ActivationTaps,
  type CalibratedRun,
  type ChosenRun,
  type ClockReading,
  type ClaimedOutput,
  type CorrectionOutputOptions,
  type InitializeJob,
  type Placed,
  type RunPosition,
  type SettleTokensOptions,
  type StatisticsKeeper,
} from '../src/stages/index.js';

/** What a user's own pipeline may put in place of the stock stages, or beside them. */
export interface CustomStages extends ActivationTaps {
  /** In place of NF4 or LLM.int8. */
  readonly quantizer?: Placed<Quantizer>;
  /** In place of the initializer that the job names. */
  readonly initializer?: Placed<Initializer>;
}

/** Everything an initialization holds open. */
interface Initialization {
  readonly run: CalibratedRun;
  readonly fingerprint: RunFingerprint;
  readonly output: ClaimedOutput;
  readonly checkpoints: RunCheckpoints;
  /** Undefined where statistics are not kept. */
  readonly keeper: StatisticsKeeper | undefined;
  /** Where an earlier attempt left the run; undefined at its beginning. */
  readonly position: RunPosition | undefined;
  /** Blocks in which something is left to do. */
  readonly unfinished: ReadonlySet<number>;
  readonly initializer: { readonly placed: Placed<Initializer>; readonly self: Initializer };
  readonly solved: SolvedRecord;
  readonly events$: Subject<Event>;
}

type Event = ProgressEvent<InitializationReport>;

/** Seconds between two checkpoints where the job says nothing. */
const CHECKPOINT_SECONDS = 30;

/** A name that was given for the adapter is not one at the revision that is read. */
const baseName = ({
  baseName: given,
  model,
  revision,
}: InitializeJob): Pick<CorrectionOutputOptions, 'baseModelName' | 'baseModelRevision'> =>
  given === undefined ? { baseModelName: model, baseModelRevision: revision } : { baseModelName: given };

/** A run whose tokens are settled, and its output. */
interface Begun extends Pick<Initialization, 'run' | 'output' | 'fingerprint' | 'initializer'> {
  /** What an earlier attempt's clock showed when it had chosen the tokens. */
  readonly earlier: ClockReading | undefined;
}

/** Takes over what earlier attempts left: what they solved and kept, the place they came to, the time they took. */
const takeOver = async (begun: Begun, job: InitializeJob, tell: (event: Event) => void): Promise<Initialization> => {
  const { run, output, initializer, earlier } = begun;
  const { workDirectory, scratchDirectory } = output;
  const onDamaged = (file: string): void => {
    tell(damagedNotice(file));
  };
  const keeper = job.keepStatistics
    ? await openStatisticsKeeper({ directory: job.output, plan: run.plan, workDirectory, pool: run.pool, onDamaged })
    : undefined;
  const restored = { run, output, keeper, everyLayer: job.writeBase };
  const unfinished = unfinishedBlocks(restored);
  const isFinished = (block: number): boolean => !unfinished.has(block);
  const { checkpointSeconds: seconds = CHECKPOINT_SECONDS } = job;
  const checkpoints = new RunCheckpoints(run, { workDirectory, scratchDirectory, seconds, isFinished, onDamaged });
  const events$ = new Subject<Event>();
  const solved = recordSolved(run, output, initializer.self.name, (event) => events$.next(event));
  const position = await checkpoints.restore();
  const readings = [earlier, checkpoints.reading].filter((reading) => reading !== undefined);
  run.clock.goOnFrom([...solved.readings, ...readings]);
  if (output.finished.size > 0 || position) tell(resumedNotice(describeRestored(restored, unfinished)));
  if (output.processors.length > 1) tell(processorsNotice(output.processors));
  return { ...begun, checkpoints, keeper, position, unfinished, solved, events$ };
};

/** A finished run of the same job is there already. */
interface Finished {
  readonly finished: InitializationReport;
}

const open = async (job: InitializeJob, custom: CustomStages, tell: (event: Event) => void): Promise<Initialization | Finished> => {
  const clock = new RunClock();
  const all = await chooseRun(job, { quantizer: custom.quantizer, clock, onTransfer: transferProgress(clock, tell) });
  try {
    requireLoadableBase(all, job);
    const placed = custom.initializer ?? stockInitializer(job.initializer, job);
    const initializer = { placed, self: await resolvePlaced(placed) };
    if (job.budget.kind === 'auto') requireTokenChoice(all, initializer.self);
    const execution = await planOf(all, job, initializer.self);
    const fingerprint = await fingerprintRun(all, job, { initializer: initializer.self, base: baseName(job), floats: execution.floats });
    // A tap sees every chunk of a run, so it can be served neither from what is finished nor from the middle.
    const tapped = [...(custom.taps ?? []), ...(custom.workerTaps ?? [])].length > 0;
    const report = job.fresh || tapped ? undefined : await findFinished(job.output, fingerprint, outputFiles(job));
    if (report !== undefined) {
      await all.checkpoint.supply?.close();
      return { finished: await readReport(report) };
    }
    requireFit(execution);
    const onDamaged = (file: string): void => tell(damagedNotice(file));
    const begun = await openClaimedOutput(
      {
        ...{ directory: job.output, choice: job, initializer: initializer.self, writeBase: job.writeBase, ...baseName(job) },
        ...{ signal: job.signal, onDamaged },
        claim: { fingerprint, fresh: job.fresh, resumable: !tapped, scratch: job.scratch },
      },
      async (claim) => {
        const settled = await settle(all, job, { initializer, execution, clock, claim, onDamaged }, tell);
        const place = { bytes: 0, directory: claim.scratchDirectory, release: async () => undefined };
        return { run: startRun(settled.chosen, job, place, clock, settled.execution), earlier: settled.earlier };
      },
    );
    try {
      return await takeOver({ ...begun, fingerprint, initializer }, job, tell);
    } catch (error) {
      return await failAfterClosing(error, () => begun.output.close(false));
    }
  } catch (error) {
    return failAfterClosing(error, () => all.checkpoint.supply?.close());
  }
};

/** The plan that a run follows; where its tokens were chosen, with the floats of the plan that its output was claimed with. */
const planOf = (chosen: ChosenRun, job: InitializeJob, initializer: Initializer, floats?: FloatChoices): Promise<ExecutionPlan> => {
  const { plan: correction, arithmetic } = chosen;
  return planRun(job, { source: chosen, correction, initializer, arithmetic, floats, tokens: countTokens(chosen, job) });
};

/** A run with the tokens that it takes, and its plan. */
interface SettledRun {
  readonly chosen: ChosenRun;
  readonly execution: ExecutionPlan;
  readonly earlier?: ClockReading | undefined;
}

/** Leaves a run with the tokens that pay where the job wants it so: a pilot over the first blocks finds out. */
const settle = async (
  all: ChosenRun,
  job: InitializeJob,
  { initializer: { placed, self }, ...options }: Omit<SettleTokensOptions, 'initializer' | 'rank'> & Pick<Initialization, 'initializer'>,
  tell: (event: Event) => void,
): Promise<SettledRun> => {
  const { execution, clock } = options;
  if (job.budget.kind !== 'auto') return { chosen: all, execution };
  const onTokens = (block: number, blocks: number, tokens: number): void =>
    tell({ type: 'stage', stage: 'pilot', block, blocks, tokens, seconds: clock.seconds });
  const { choice, earlier } = await settleTokens(all, job, { ...options, initializer: placed, rank: job.rank, onTokens });
  const chosen = withTokens(all, choice);
  return { chosen, earlier, execution: await planOf(chosen, job, self, execution.floats) };
};

/** Sends the windows through the blocks, from where an earlier attempt left them, and solves what is left to solve. */
const passBlocks = (initialization: Initialization, job: InitializeJob, custom: CustomStages): Observable<never> => {
  const { run, initializer, unfinished, position, checkpoints, keeper, output, solved } = initialization;
  const options = { ...custom, keeper, acceptsG: sumsG(initializer.self, job), onTokens: tokensPassed(initialization) };
  const isFinished = (module: string): boolean => output.finished.has(module);
  const keepWeights = keepsWeights(initializer.self);
  const work = (block: number): Observable<unknown> => {
    const progress = checkpoints.progressOf(block, position);
    if (!unfinished.has(block)) return passBlock(run, block, { ...options, passed: progress.passed });
    // hidden states → block piece → activation chunks → ordered fold into H or G
    return calibrateBlock(run, block, { ...options, progress }).pipe(
      // weight shards → quantize → E → SVD → ALS or exact → certificate → adapter, base and experts
      concatMap((statistics) =>
        solveBlock(run, block, statistics, {
          ...{ initializer: initializer.placed, rank: job.rank, balance: job.balance, everyLayer: job.writeBase, keepWeights, isFinished },
          sink: solved.sink,
        }).pipe(finalize(() => dropStatistics(run, statistics))),
      ),
    );
  };
  const first = position?.block ?? 0;
  // The tokens of routed experts are counted on the way: it is gone to its end then.
  const last = run.plan.experts ? run.model.blocks - 1 : Math.max(-1, ...unfinished);
  if (last < first) return EMPTY;
  return concat(
    position ? EMPTY : run.propagation.embed(),
    range(first, last - first + 1).pipe(
      concatMap((block) =>
        concat(
          work(block),
          defer(() => checkpoints.finished(block)),
        ),
      ),
    ),
  ).pipe(ignoreElements());
};

/** QuAILoRA initialization of one checkpoint, block by block (arXiv 2410.14713, section 3). */
export const initialize = (job: InitializeJob, custom: CustomStages = {}): Observable<ProgressEvent<InitializationReport>> =>
  usingResource(
    (tell) => open(job, custom, tell),
    (opened) => {
      if ('finished' in opened) return alreadyFinished(opened, job);
      const { events$ } = opened;
      const changed$ = from(opened.output.hashes).pipe(ignoreElements());
      const work$ = concat(announce(opened, job), passBlocks(opened, job, custom), finish(opened, job));
      return merge(events$, changed$, work$.pipe(finalize(() => events$.complete())));
    },
    async (opened, ending) => {
      if ('finished' in opened) return;
      const { output, checkpoints, keeper } = opened;
      await output.close(ending === 'complete', [checkpoints, ...(keeper ? [keeper] : [])]);
    },
  );

const alreadyFinished = ({ finished }: Finished, job: InitializeJob): Observable<Event> =>
  of<Event[]>(finishedNotice(job.output), { type: 'result', result: finished });

const announce = ({ run }: Initialization, job: InitializeJob): Observable<Event> => {
  const { calibration, heldOut } = run.windows.tokens;
  return of({
    type: 'start',
    command: 'init',
    model: job.model,
    blocks: run.model.blocks,
    calibrationTokens: calibration,
    heldOutTokens: heldOut,
  });
};

const tokensPassed =
  ({ run, events$ }: Initialization) =>
  (block: number, tokens: number): void => {
    const { calibration, heldOut } = run.windows.tokens;
    const place = { block, blocks: run.model.blocks, tokens, totalTokens: calibration + heldOut };
    events$.next({ type: 'stage', stage: 'calibrate', ...place, seconds: run.clock.seconds });
  };

/** What refit needs of this run besides the sums. */
const keptIndex = async (
  { run, output, initializer }: Initialization,
  job: InitializeJob,
): Promise<Parameters<StatisticsKeeper['finish']>[0]> => {
  const { bits, rank, alpha, rslora, alsSteps, loftqSteps, balance, modules, experts = false, baseName } = job;
  return {
    kept: job.keepStatistics ?? 'used',
    ...{ model: job.model, revision: job.revision, commit: run.checkpoint.supply?.commit },
    shardHashes: Object.entries(await output.hashes).map(([file, sha256]) => ({ file, sha256 })),
    ...{ quantizer: run.plan.quantizer.self.name, initializer: initializer.self.name },
    options: { bits, rank, alpha, rslora, alsSteps, loftqSteps, balance, modules, initializer: job.initializer, experts, baseName },
    ...{ facts: calibrationFacts(run, job), routing: run.routing.entries(), versions: versions() },
  };
};

const finish = (initialization: Initialization, job: InitializeJob): Observable<Event> =>
  defer(async () => {
    const { run, output, initializer, keeper, solved, fingerprint } = initialization;
    await run.walk.finish();
    await run.clock.time('write', () => output.finish());
    if (keeper) await keeper.finish(await keptIndex(initialization, job));
    const report = await initializationReport(run, {
      ...{ job, initializer: initializer.self, facts: calibrationFacts(run, job), routing: run.routing.entries(), fingerprint },
      ...{ modules: solved.modules, expertMatrices: solved.expertMatrices, hashes: await output.hashes },
      ...{ files: await listWrittenFiles(job.output), processors: output.processors },
      activationBytes: run.propagation.activationBytes.peakBytes,
    });
    await output.conclude(report);
    return { type: 'result', result: report } as const;
  });
