import { join } from 'node:path';
import { concat, concatMap, defer, EMPTY, finalize, from, ignoreElements, merge, type Observable, of, range, Subject } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import { writeFileAtomically } from '../src/foundation/index.js';
import type { Initializer } from '../src/initializers/index.js';
import { claimOutput, findFinished, workDirectoryOf, type OutputClaim, type RunFingerprint } from '../src/journal/index.js';
import { requireFit, type ExecutionPlan } from '../src/planning/index.js';
import type { Quantizer } from '../src/quantizers/index.js';
import {
  expertMatrixReport,
  initializationReport,
  moduleReport,
  readReport,
  transferProgress,
  type ExpertMatrixReport,
  type InitializationReport,
  type ModuleReport,
  type ProgressEvent,
} from '../src/reports/index.js';
import {
  acceptsG,
  calibrateBlock,
  chooseRun,
  dropStatistics,
  countTokens,
  fingerprintRun,
  hashSource,
  keepsWeights,
  openCorrectionOutput,
  passBlock,
  planRun,
  recalledChoice,
  rememberChoice,
  requireLoadableBase,
  resolvePlaced,
  RunCheckpoints,
  RunClock,
  settleTokens,
  solveBlock,
  startRun,
  stockInitializer,
  wantedShards,
  withTokens,
  type ActivationTaps,
  type CalibratedRun,
  type ChosenRun,
  type CertifiedShard,
  type ClockReading,
  type CorrectionOutput,
  type CorrectionOutputOptions,
  type InitializeJob,
  type Placed,
  type QuantizedShard,
  type RunPosition,
  type TokenChoice,
  type WeightShard,
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
  /** How the tokens were chosen, where the job left it open. */
  readonly tokenChoice: TokenChoice | undefined;
  readonly claim: OutputClaim;
  readonly output: CorrectionOutput;
  readonly checkpoints: RunCheckpoints;
  /** Where an earlier attempt left the run; undefined at its beginning. */
  readonly position: RunPosition | undefined;
  /** Blocks in which something is left to do. */
  readonly unfinished: ReadonlySet<number>;
  readonly initializer: { readonly placed: Placed<Initializer>; readonly self: Initializer };
  readonly hashes: Promise<Readonly<Record<string, string>>>;
  readonly stopHashing: AbortController;
  readonly events$: Subject<Event>;
  readonly modules: ModuleReport[];
  readonly expertMatrices: ExpertMatrixReport[];
}

type Event = ProgressEvent<InitializationReport>;

/** Seconds between two checkpoints where the job says nothing. */
const CHECKPOINT_SECONDS = 30;

/** What is kept of a finished layer, for the report of a later attempt. */
interface LayerNote {
  readonly report: ModuleReport;
  readonly expert?: ExpertMatrixReport;
  readonly clock: ClockReading;
}

/** A name that was given for the adapter is not one at the revision that is read. */
const baseName = ({
  baseName: given,
  model,
  revision,
}: InitializeJob): Pick<CorrectionOutputOptions, 'baseModelName' | 'baseModelRevision'> =>
  given === undefined ? { baseModelName: model, baseModelRevision: revision } : { baseModelName: given };

/** Files that a finished run has written. */
const filesOf = ({ writeBase, experts }: InitializeJob): string[] => [
  ...['adapter/adapter_config.json', 'adapter/adapter_model.safetensors'],
  ...(writeBase ? ['base/config.json'] : []),
  ...(experts ? ['experts/README.md'] : []),
];

const damageTeller =
  (tell: (event: Event) => void) =>
  (file: string): void => {
    tell({ type: 'notice', code: 'damaged', message: `${file} is not what was written, or is gone; what was in it is done again.` });
  };

/** Blocks in which a layer is left to solve or to quantize. */
const unfinishedBlocks = (run: CalibratedRun, output: CorrectionOutput, job: InitializeJob): Set<number> => {
  const blocks = Array.from({ length: run.model.blocks }, (_, block) => block);
  const isLeft = ({ layer }: WeightShard): boolean => !output.finished.has(layer.module);
  return new Set(blocks.filter((block) => wantedShards(run.plan, block, job.writeBase).some(isLeft)));
};

type Restored = Pick<Initialization, 'run' | 'output' | 'checkpoints' | 'unfinished'>;

/** Says how far earlier attempts came; undefined where they finished nothing. */
const describeRestored = (
  { run, output, unfinished }: Restored,
  job: InitializeJob,
  position: RunPosition | undefined,
): string | undefined => {
  if (output.finished.size === 0 && !position) return undefined;
  const { blocks } = run.model;
  const [first] = unfinished;
  const layers = first === undefined ? [] : wantedShards(run.plan, first, job.writeBase);
  const solved = layers.filter(({ layer }) => output.finished.has(layer.module)).length;
  const inside = solved > 0 ? `, and ${solved} of the ${layers.length} layers of block ${first! + 1}` : '';
  return `${blocks - unfinished.size} of ${blocks} blocks were done${inside}; going on from there.`;
};

/** Takes over what earlier attempts left: the place they came to, the time they took, the layers they solved. */
const takeOver = async (
  restored: Restored,
  job: InitializeJob,
  tell: (event: Event) => void,
): Promise<Pick<Initialization, 'position' | 'modules' | 'expertMatrices'>> => {
  const { run, output, checkpoints } = restored;
  const notes = [...output.finished.values()].filter((note) => note !== null) as LayerNote[];
  const position = await checkpoints.restore();
  const readings = [...notes.map(({ clock }) => clock), ...(checkpoints.reading ? [checkpoints.reading] : [])];
  const longest = readings.sort((a, b) => b.seconds - a.seconds)[0];
  if (longest) run.clock.goOnFrom(longest);
  const message = describeRestored(restored, job, position);
  if (message !== undefined) tell({ type: 'notice', code: 'resumed', message });
  return {
    position,
    modules: notes.filter(({ expert }) => !expert).map(({ report }) => report),
    expertMatrices: notes.flatMap(({ expert }) => expert ?? []),
  };
};

/** What is decided before the run takes any place on the disk. */
type Decided = Pick<Initialization, 'run' | 'claim' | 'fingerprint' | 'initializer' | 'tokenChoice'>;

const begin = async (decided: Decided, job: InitializeJob, tell: (event: Event) => void): Promise<Initialization> => {
  const { run, claim, initializer } = decided;
  const { workDirectory, scratchDirectory } = claim;
  const onDamaged = damageTeller(tell);
  const options = {
    directory: job.output,
    source: run,
    plan: run.plan,
    choice: job,
    initializer: initializer.self,
    workDirectory,
    onDamaged,
  };
  const output = await openCorrectionOutput({ ...options, writeBase: job.writeBase, ...baseName(job) });
  const unfinished = unfinishedBlocks(run, output, job);
  const isFinished = (block: number): boolean => !unfinished.has(block);
  const { checkpointSeconds: seconds = CHECKPOINT_SECONDS } = job;
  const checkpoints = new RunCheckpoints(run, { workDirectory, scratchDirectory, seconds, isFinished, onDamaged });
  const left = await takeOver({ run, output, checkpoints, unfinished }, job, tell);
  run.walk.visit(output.copiedFiles, output.copyPlain);
  const stopHashing = new AbortController();
  const signals = job.signal ? [job.signal, stopHashing.signal] : [stopHashing.signal];
  const hashes = hashSource(run.checkpoint, workDirectory, AbortSignal.any(signals));
  hashes.catch(() => undefined);
  return { ...decided, ...left, output, checkpoints, unfinished, hashes, stopHashing, events$: new Subject() };
};

/** A finished run of the same job is there already. */
interface Finished {
  readonly finished: InitializationReport;
}

const open = async (job: InitializeJob, custom: CustomStages, tell: (event: Event) => void): Promise<Initialization | Finished> => {
  const clock = new RunClock();
  const all = await chooseRun(job, { quantizer: custom.quantizer, clock, onTransfer: transferProgress(clock, tell) });
  let claim: OutputClaim | undefined;
  let run: CalibratedRun | undefined;
  try {
    requireLoadableBase(all, job);
    const placed = custom.initializer ?? stockInitializer(job.initializer, job);
    const initializer = { placed, self: await resolvePlaced(placed) };
    const { chosen, tokenChoice, whole, execution, fingerprint } = await decide(all, job, initializer, clock, tell);
    // A tap sees every chunk of a run, so it can be served neither from what is finished nor from the middle.
    const tapped = [...(custom.taps ?? []), ...(custom.workerTaps ?? [])].length > 0;
    const report = job.fresh || tapped ? undefined : await findFinished(job.output, fingerprint, filesOf(job));
    if (report !== undefined) {
      await all.checkpoint.supply?.close();
      return { finished: await readReport(report) };
    }
    requireFit(execution);
    claim = await claimOutput(job.output, { fingerprint, fresh: job.fresh, resumable: !tapped, scratch: job.scratch });
    run = startRun(chosen, job, { bytes: 0, directory: claim.scratchDirectory, release: async () => undefined }, clock, execution);
    if (tokenChoice) await rememberChoice(claim.workDirectory, { fingerprint: whole, choice: tokenChoice });
    return await begin({ run, claim, fingerprint, initializer, tokenChoice }, job, tell);
  } catch (error) {
    await (run?.close() ?? all.checkpoint.supply?.close());
    await claim?.abandon();
    throw error;
  }
};

/** The plan that a run follows, and what decides its bytes. */
const planAndName = async (
  chosen: ChosenRun,
  job: InitializeJob,
  initializer: Initializer,
): Promise<{ readonly execution: ExecutionPlan; readonly fingerprint: RunFingerprint }> => {
  const { windows, plan: correction, ...source } = chosen;
  const execution = await planRun(job, { source, correction, initializer, arithmetic: chosen.arithmetic, tokens: countTokens(windows) });
  return { execution, fingerprint: await fingerprintRun(chosen, job, { initializer, base: baseName(job), floats: execution.floats }) };
};

/** A run with the tokens that it will take: all of them, or those that a pilot over its first blocks finds to pay. */
interface RunOfTokens {
  readonly chosen: ChosenRun;
  readonly execution: ExecutionPlan;
  readonly fingerprint: RunFingerprint;
  readonly tokenChoice?: TokenChoice;
  /** Fingerprint of the run with all tokens that are considered. */
  readonly whole: RunFingerprint;
}

const decide = async (
  all: ChosenRun,
  job: InitializeJob,
  { placed, self }: Initialization['initializer'],
  clock: RunClock,
  tell: (event: Event) => void,
): Promise<RunOfTokens> => {
  const { execution, fingerprint: whole } = await planAndName(all, job, self);
  if (job.budget.kind !== 'auto') return { chosen: all, execution, fingerprint: whole, whole };
  requireFit(execution);
  const recalled = job.fresh ? undefined : await recalledChoice(workDirectoryOf(job.output), whole);
  const onTokens = (block: number, blocks: number, tokens: number): void =>
    tell({ type: 'stage', stage: 'pilot', block, blocks, tokens, seconds: clock.seconds });
  const tokenChoice = recalled ?? (await settleTokens(all, job, { initializer: placed, rank: job.rank, execution, clock, onTokens }));
  const chosen = withTokens(all, tokenChoice.chosen);
  return { chosen, tokenChoice, whole, ...(await planAndName(chosen, job, self)) };
};

/** Sends the windows through the blocks, from where an earlier attempt left them, and solves what is left to solve. */
const passBlocks = (initialization: Initialization, job: InitializeJob, custom: CustomStages): Observable<never> => {
  const { run, initializer, unfinished, position, checkpoints, output } = initialization;
  const options = { ...custom, acceptsG: acceptsG(initializer.self), onTokens: tokensPassed(initialization) };
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
          sink: writeTo(initialization),
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
      const changed$ = from(opened.hashes).pipe(ignoreElements());
      const work$ = concat(announce(opened, job), passBlocks(opened, job, custom), finish(opened, job));
      return merge(events$, changed$, work$.pipe(finalize(() => events$.complete())));
    },
    async (opened, ending) => {
      if ('finished' in opened) return;
      const { run, claim, output, checkpoints, hashes, stopHashing } = opened;
      stopHashing.abort();
      await hashes.catch(() => undefined);
      await run.close();
      // What was begun before an abort writes on; nobody else may be let in before it ends.
      await Promise.all([checkpoints.settled(), output.settled()]);
      if (ending !== 'complete') await claim.abandon();
    },
  );

const alreadyFinished = ({ finished }: Finished, job: InitializeJob): Observable<Event> =>
  of<Event[]>(
    {
      type: 'notice',
      code: 'finished',
      message: `${job.output} holds this run already, finished; nothing was written. --fresh writes it again.`,
    },
    { type: 'result', result: finished },
  );

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

const writeTo =
  ({ run, output, initializer, modules, expertMatrices, events$ }: Initialization) =>
  async (shard: QuantizedShard | CertifiedShard): Promise<void> => {
    const { block, layer, quantized, ofExpert } = shard;
    const certified = 'certificate' in shard ? shard : undefined;
    const { name } = initializer.self;
    const report = certified && moduleReport(certified, name);
    const expert = certified && ofExpert ? expertMatrixReport(certified, name) : undefined;
    const note = report && ({ report, ...(expert && { expert }), clock: run.clock.read() } satisfies LayerNote);
    await output.write({ module: layer.module, factors: certified?.factors, quantized, ofExpert, note });
    if (!report) return;
    if (expert) expertMatrices.push(expert);
    else modules.push(report);
    events$.next({ type: 'module', block, report });
    events$.next({ type: 'stage', stage: 'solve', block, blocks: run.model.blocks, module: layer.module, seconds: run.clock.seconds });
  };

const finish = (initialization: Initialization, job: InitializeJob): Observable<Event> =>
  defer(async () => {
    const { run, tokenChoice, claim, output, initializer, modules, expertMatrices, fingerprint } = initialization;
    await run.walk.finish();
    await run.clock.time('write', () => output.finish());
    const hashes = await initialization.hashes;
    const parts = { job, initializer: initializer.self, modules, expertMatrices, tokenChoice, hashes, fingerprint };
    const report = await initializationReport(run, parts);
    await writeFileAtomically(join(job.output, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await claim.finish();
    return { type: 'result', result: report } as const;
  });
