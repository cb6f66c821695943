import { concat, concatMap, defer, finalize, from, ignoreElements, merge, type Observable, range, Subject } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import type { Initializer } from '../src/initializers/index.js';
import type { Quantizer } from '../src/quantizers/index.js';
import {
  initializationReport,
  recordSolved,
  transferProgress,
  type InitializationReport,
  type ProgressEvent,
  type SolvedRecord,
} from '../src/reports/index.js';
import {
  acceptsG,
  calibrateBlock,
  calibrationFacts,
  dropStatistics,
  keepsWeights,
  openCalibratedRun,
  openClaimedOutput,
  openStatisticsKeeper,
  resolvePlaced,
  RunClock,
  solveBlock,
  stockInitializer,
  versions,
  type ActivationTaps,
  type CalibratedRun,
  type ClaimedOutput,
  type CorrectionOutputOptions,
  type InitializeJob,
  type Placed,
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
  readonly output: ClaimedOutput;
  readonly initializer: { readonly placed: Placed<Initializer>; readonly self: Initializer };
  /** Undefined where statistics are not kept. */
  readonly keeper: StatisticsKeeper | undefined;
  readonly solved: SolvedRecord;
  readonly events$: Subject<ProgressEvent<InitializationReport>>;
}

type Event = ProgressEvent<InitializationReport>;

/** A name that was given for the adapter is not one at the revision that is read. */
const baseName = ({
  baseName: given,
  model,
  revision,
}: InitializeJob): Pick<CorrectionOutputOptions, 'baseModelName' | 'baseModelRevision'> =>
  given === undefined ? { baseModelName: model, baseModelRevision: revision } : { baseModelName: given };

const open = async (job: InitializeJob, custom: CustomStages, tell: (event: Event) => void): Promise<Initialization> => {
  const clock = new RunClock();
  const run = await openCalibratedRun(job, { quantizer: custom.quantizer, clock, onTransfer: transferProgress(clock, tell) });
  try {
    const placed = custom.initializer ?? stockInitializer(job.initializer, job);
    const initializer = { placed, self: await resolvePlaced(placed) };
    const { overwrite, writeBase, signal } = job;
    const options = { directory: job.output, overwrite, choice: job, initializer: initializer.self, writeBase, signal };
    const output = await openClaimedOutput(run, { ...options, ...baseName(job) });
    try {
      const keeper = job.keepStatistics && (await openStatisticsKeeper(job.output, run.plan));
      const events$ = new Subject<Event>();
      const solved = recordSolved(run, output, initializer.self.name, (event) => events$.next(event));
      return { run, output, initializer, keeper, solved, events$ };
    } catch (error) {
      await output.release(false);
      throw error;
    }
  } catch (error) {
    await run.close();
    throw error;
  }
};

/** QuAILoRA initialization of one checkpoint, block by block (arXiv 2410.14713, section 3). */
export const initialize = (job: InitializeJob, custom: CustomStages = {}): Observable<ProgressEvent<InitializationReport>> =>
  usingResource(
    (tell) => open(job, custom, tell),
    (initialization) => {
      const { run, initializer, keeper, solved, events$ } = initialization;
      const work$ = concat(
        announce(initialization, job),
        run.propagation.embed(),
        range(0, run.model.blocks).pipe(
          concatMap((block) =>
            // hidden states → block piece → activation chunks → ordered fold into H or G
            calibrateBlock(run, block, {
              ...{ ...custom, keeper, onTokens: tokensPassed(initialization) },
              acceptsG: job.keepStatistics !== 'all-h' && acceptsG(initializer.self),
            }).pipe(
              // weight shards → quantize → E → SVD → ALS or exact → certificate → adapter, base and experts
              concatMap((statistics) =>
                solveBlock(run, block, statistics, {
                  ...{ initializer: initializer.placed, rank: job.rank, balance: job.balance, everyLayer: job.writeBase },
                  ...{ keepWeights: keepsWeights(initializer.self), sink: solved.sink },
                }).pipe(finalize(() => dropStatistics(run, statistics))),
              ),
            ),
          ),
          ignoreElements(),
        ),
        finish(initialization, job),
      );
      return merge(events$, work$.pipe(finalize(() => events$.complete())));
    },
    async ({ run, output }, ending) => {
      try {
        await output.release(ending === 'complete');
      } finally {
        await run.close();
      }
    },
  );

const announce = ({ run }: Initialization, job: InitializeJob): Observable<ProgressEvent<InitializationReport>> => {
  const { calibration, heldOut } = run.windows.tokens;
  return from([
    {
      type: 'start',
      command: 'init',
      model: job.model,
      blocks: run.model.blocks,
      calibrationTokens: calibration,
      heldOutTokens: heldOut,
    } as const,
  ]);
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

const finish = (initialization: Initialization, job: InitializeJob): Observable<ProgressEvent<InitializationReport>> =>
  defer(async () => {
    const { run, output, initializer, keeper, solved } = initialization;
    await run.walk.finish();
    await run.clock.time('write', () => output.finish());
    if (keeper) await keeper.finish(await keptIndex(initialization, job));
    const report = await initializationReport(run, {
      ...{ job, initializer: initializer.self, facts: calibrationFacts(run, job), routing: run.routing.entries() },
      ...{ modules: solved.modules, expertMatrices: solved.expertMatrices, hashes: await output.hashes },
      activationBytes: run.propagation.activationBytes.peakBytes,
    });
    await output.conclude(report);
    return { type: 'result', result: report } as const;
  });
