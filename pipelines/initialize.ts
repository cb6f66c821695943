import { join } from 'node:path';
import { concat, concatMap, defer, EMPTY, finalize, from, ignoreElements, merge, type Observable, of, range, Subject } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import { writeFileAtomically } from '../src/foundation/index.js';
import type { Initializer } from '../src/initializers/index.js';
import { claimOutput, findFinished, type OutputClaim, type RunFingerprint } from '../src/journal/index.js';
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
  fingerprintRun,
  hashSource,
  openCorrectionOutput,
  passBlock,
  requireLoadableBase,
  resolvePlaced,
  RunCheckpoints,
  RunClock,
  solveBlock,
  startRun,
  stockInitializer,
  wantedShards,
  type ActivationTaps,
  type CalibratedRun,
  type CertifiedShard,
  type ClockReading,
  type CorrectionOutput,
  type CorrectionOutputOptions,
  type InitializeJob,
  type Placed,
  type QuantizedShard,
  type RunPosition,
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
type Decided = Pick<Initialization, 'run' | 'claim' | 'fingerprint' | 'initializer'>;

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
  const chosen = await chooseRun(job, { quantizer: custom.quantizer, clock, onTransfer: transferProgress(clock, tell) });
  let claim: OutputClaim | undefined;
  let run: CalibratedRun | undefined;
  try {
    requireLoadableBase(chosen, job);
    const placed = custom.initializer ?? stockInitializer(job.initializer, job);
    const initializer = { placed, self: await resolvePlaced(placed) };
    const fingerprint = await fingerprintRun(chosen, job, { initializer: initializer.self, base: baseName(job) });
    // A tap sees every chunk of a run, so it can be served neither from what is finished nor from the middle.
    const tapped = [...(custom.taps ?? []), ...(custom.workerTaps ?? [])].length > 0;
    const report = job.fresh || tapped ? undefined : await findFinished(job.output, fingerprint, filesOf(job));
    if (report !== undefined) {
      await chosen.checkpoint.supply?.close();
      return { finished: await readReport(report) };
    }
    claim = await claimOutput(job.output, { fingerprint, fresh: job.fresh, resumable: !tapped, scratch: job.scratch });
    run = startRun(chosen, job, { bytes: 0, directory: claim.scratchDirectory, release: async () => undefined }, clock);
    return await begin({ run, claim, fingerprint, initializer }, job, tell);
  } catch (error) {
    await (run?.close() ?? chosen.checkpoint.supply?.close());
    await claim?.abandon();
    throw error;
  }
};

/** Sends the windows through the blocks, from where an earlier attempt left them, and solves what is left to solve. */
const passBlocks = (initialization: Initialization, job: InitializeJob, custom: CustomStages): Observable<never> => {
  const { run, initializer, unfinished, position, checkpoints, output } = initialization;
  const options = { ...custom, acceptsG: acceptsG(initializer.self), onTokens: tokensPassed(initialization) };
  const isFinished = (module: string): boolean => output.finished.has(module);
  const work = (block: number): Observable<unknown> => {
    const progress = checkpoints.progressOf(block, position);
    if (!unfinished.has(block)) return passBlock(run, block, { ...options, passed: progress.passed });
    // hidden states → block piece → activation chunks → ordered fold into H or G
    return calibrateBlock(run, block, { ...options, progress }).pipe(
      // weight shards → quantize → E → SVD → ALS or exact → certificate → adapter, base and experts
      concatMap((statistics) =>
        solveBlock(run, block, statistics, {
          ...{ initializer: initializer.placed, rank: job.rank, balance: job.balance, everyLayer: job.writeBase, isFinished },
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
    const { run, claim, output, initializer, modules, expertMatrices, fingerprint } = initialization;
    await run.walk.finish();
    await run.clock.time('write', () => output.finish());
    const parts = { job, initializer: initializer.self, modules, expertMatrices, hashes: await initialization.hashes, fingerprint };
    const report = await initializationReport(run, parts);
    await writeFileAtomically(join(job.output, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await claim.finish();
    return { type: 'result', result: report } as const;
  });
