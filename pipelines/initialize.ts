import { join } from 'node:path';
import { concat, concatMap, defer, finalize, from, ignoreElements, merge, type Observable, range, Subject } from 'rxjs';
import { hashShards } from '../src/checkpoint/index.js';
import { usingResource } from '../src/dataflow/index.js';
import { writeFileAtomically } from '../src/foundation/index.js';
import type { Initializer } from '../src/initializers/index.js';
import { claimOutput, type OutputClaim } from '../src/journal/index.js';
import type { Quantizer } from '../src/quantizers/index.js';
import {
  expertMatrixReport,
  initializationReport,
  moduleReport,
  transferProgress,
  type ExpertMatrixReport,
  type InitializationReport,
  type ModuleReport,
  type ProgressEvent,
} from '../src/reports/index.js';
import {
  acceptsG,
  calibrateBlock,
  chooseTokens,
  dropStatistics,
  firstTokens,
  openCalibratedRun,
  openCorrectionOutput,
  requireLoadableBase,
  resolvePlaced,
  RunClock,
  solveBlock,
  stockInitializer,
  type ActivationTaps,
  type CalibratedRun,
  type CertifiedShard,
  type CorrectionOutput,
  type CorrectionOutputOptions,
  type InitializeJob,
  type Placed,
  type QuantizedShard,
  type TokenChoice,
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
  /** How the tokens were chosen, where the job left it open. */
  readonly tokenChoice?: TokenChoice;
  readonly claim: OutputClaim;
  readonly output: CorrectionOutput;
  readonly initializer: { readonly placed: Placed<Initializer>; readonly self: Initializer };
  readonly hashes: Promise<Readonly<Record<string, string>>>;
  readonly stopHashing: AbortController;
  readonly events$: Subject<ProgressEvent<InitializationReport>>;
  readonly modules: ModuleReport[];
  readonly expertMatrices: ExpertMatrixReport[];
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
    requireLoadableBase(run, job);
    const placed = custom.initializer ?? stockInitializer(job.initializer, job);
    const initializer = { placed, self: await resolvePlaced(placed) };
    const claim = await claimOutput(job.output, { overwrite: job.overwrite });
    try {
      const options = { directory: job.output, source: run, plan: run.plan, choice: job, initializer: initializer.self };
      const output = await openCorrectionOutput({ ...options, writeBase: job.writeBase, ...baseName(job) });
      const stopHashing = new AbortController();
      const signals = job.signal ? [job.signal, stopHashing.signal] : [stopHashing.signal];
      const hashes = hashShards(run.checkpoint, AbortSignal.any(signals));
      hashes.catch(() => undefined);
      return { run, claim, output, initializer, hashes, stopHashing, events$: new Subject(), modules: [], expertMatrices: [] };
    } catch (error) {
      await claim.abandon();
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
    (opened) => {
      const { events$ } = opened;
      const work$ = settleTokens(opened, job).pipe(concatMap((initialization) => passBlocks(initialization, job, custom)));
      return merge(events$, work$.pipe(finalize(() => events$.complete())));
    },
    async ({ run, claim, output, stopHashing }, ending) => {
      stopHashing.abort();
      try {
        if (ending !== 'complete') {
          await output.abort();
          await claim.abandon();
        }
      } finally {
        await run.close();
      }
    },
  );

/** Leaves the run with the tokens that it will take: all of them, or those that a pilot over its first blocks finds to pay. */
const settleTokens = (opened: Initialization, job: InitializeJob): Observable<Initialization> =>
  defer(async () => {
    if (job.budget.kind !== 'auto') return opened;
    const { run, initializer, events$ } = opened;
    const tokenChoice = await chooseTokens(run, {
      ...{ initializer: initializer.placed, rank: job.rank },
      onTokens: (block, blocks, tokens) =>
        events$.next({ type: 'stage', stage: 'pilot', block, blocks, tokens, seconds: run.clock.seconds }),
    });
    return { ...opened, run: run.withWindows(firstTokens(run.windows, tokenChoice.chosen)), tokenChoice };
  });

const passBlocks = (initialization: Initialization, job: InitializeJob, custom: CustomStages): Observable<Event> =>
  defer(() => {
    const { run, initializer, output } = initialization;
    run.walk.visit(output.copiedFiles, output.copyPlain);
    return concat(
      announce(initialization, job),
      run.propagation.embed(),
      range(0, run.model.blocks).pipe(
        concatMap((block) =>
          // hidden states → block piece → activation chunks → ordered fold into H or G
          calibrateBlock(run, block, { ...custom, acceptsG: acceptsG(initializer.self), onTokens: tokensPassed(initialization) }).pipe(
            // weight shards → quantize → E → SVD → ALS or exact → certificate → adapter, base and experts
            concatMap((statistics) =>
              solveBlock(run, block, statistics, {
                ...{ initializer: initializer.placed, rank: job.rank, balance: job.balance, everyLayer: job.writeBase },
                sink: writeTo(initialization),
              }).pipe(finalize(() => dropStatistics(run, statistics))),
            ),
          ),
        ),
        ignoreElements(),
      ),
      finish(initialization, job),
    );
  });

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

const writeTo =
  ({ run, output, initializer, modules, expertMatrices, events$ }: Initialization) =>
  async (shard: QuantizedShard | CertifiedShard): Promise<void> => {
    const { block, layer, quantized, ofExpert } = shard;
    const certified = 'certificate' in shard ? shard : undefined;
    await output.write({ module: layer.module, factors: certified?.factors, quantized, ofExpert });
    if (!certified) return;
    const { name } = initializer.self;
    const report = moduleReport(certified, name);
    if (ofExpert) expertMatrices.push(expertMatrixReport(certified, name));
    else modules.push(report);
    events$.next({ type: 'module', block, report });
    events$.next({ type: 'stage', stage: 'solve', block, blocks: run.model.blocks, module: layer.module, seconds: run.clock.seconds });
  };

const finish = (initialization: Initialization, job: InitializeJob): Observable<ProgressEvent<InitializationReport>> =>
  defer(async () => {
    const { run, tokenChoice, claim, output, initializer, hashes, modules, expertMatrices } = initialization;
    await run.walk.finish();
    await run.clock.time('write', () => output.finish());
    const parts = { job, initializer: initializer.self, modules, expertMatrices, tokenChoice, hashes: await hashes };
    const report = await initializationReport(run, parts);
    await writeFileAtomically(join(job.output, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await claim.finish();
    return { type: 'result', result: report } as const;
  });
