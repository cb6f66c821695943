import { resolve } from 'node:path';
import { concat, concatMap, defer, finalize, from, ignoreElements, merge, type Observable, of, Subject } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import { failAfterClosing } from '../src/foundation/index.js';
import { findFinished, listWrittenFiles, type RunFingerprint } from '../src/journal/index.js';
import { requireFit } from '../src/planning/index.js';
import {
  damagedNotice,
  finishedNotice,
  initializationReport,
  processorsNotice,
  readKeptStatistics,
  readReport,
  recordSolved,
  resumedNotice,
  transferProgress,
  type InitializationReport,
  type ProgressEvent,
  type SolvedRecord,
} from '../src/reports/index.js';
import {
  checkSameWeights,
  chooseRefitRun,
  describeRestored,
  dropStatistics,
  fingerprintRefit,
  keepsWeights,
  loadStatistics,
  openClaimedOutput,
  outputFiles,
  planRefit,
  RefitError,
  requireLoadableBase,
  RunClock,
  solveBlock,
  startSolving,
  unfinishedBlocks,
  type ChosenRefit,
  type ClaimedOutput,
  type KeptStatistics,
  type RefitJob,
  type SolvingRun,
} from '../src/stages/index.js';

type Event = ProgressEvent<InitializationReport>;

/** Everything a refit holds open. */
interface Refitting extends Pick<ChosenRefit, 'choice' | 'initializer'> {
  readonly kept: KeptStatistics;
  readonly run: SolvingRun;
  readonly fingerprint: RunFingerprint;
  readonly output: ClaimedOutput;
  /** Blocks in which an earlier attempt left something to do. */
  readonly unfinished: ReadonlySet<number>;
  readonly solved: SolvedRecord;
  readonly events$: Subject<Event>;
}

/** A finished refit of the same job is there already. */
interface Finished {
  readonly finished: InitializationReport;
}

/** The base that the adapter names: as the run that kept the statistics named it, unless a name is given. */
const baseName = (
  job: RefitJob,
  { options, model, revision }: KeptStatistics,
): { baseModelName: string; baseModelRevision?: string | undefined } => {
  const given = job.baseName ?? options.baseName;
  return given === undefined ? { baseModelName: model, baseModelRevision: revision } : { baseModelName: given };
};

/** What is known before the output is taken. */
type Chosen = Pick<Refitting, 'kept' | 'fingerprint'> & {
  readonly chosen: ChosenRefit;
  readonly clock: RunClock;
  /** As the plan laid them out. */
  readonly workers: number;
};

const begin = async (
  { kept, fingerprint, chosen, clock, workers }: Chosen,
  job: RefitJob,
  tell: (event: Event) => void,
): Promise<Refitting> => {
  const { choice, initializer, plan, ...source } = chosen;
  const { output: directory, writeBase, signal, fresh } = job;
  const { run, output } = await openClaimedOutput(
    {
      ...{ directory, choice, initializer: initializer.self, writeBase, ...baseName(job, kept), signal },
      onDamaged: (file) => {
        tell(damagedNotice(file));
      },
      claim: { fingerprint, fresh, resumable: true },
    },
    async () => ({ run: startSolving(source, plan, { ...job, workers }, clock) }),
  );
  const restored = { run, output, everyLayer: writeBase };
  const unfinished = unfinishedBlocks(restored);
  const events$ = new Subject<Event>();
  const solved = recordSolved(run, output, initializer.self.name, (event) => events$.next(event));
  clock.goOnFrom(solved.readings);
  if (output.finished.size > 0) tell(resumedNotice(describeRestored(restored, unfinished)));
  if (output.processors.length > 1) tell(processorsNotice(output.processors));
  return { choice, initializer, kept, run, fingerprint, output, unfinished, solved, events$ };
};

const open = async (job: RefitJob, tell: (event: Event) => void): Promise<Refitting | Finished> => {
  const clock = new RunClock();
  if (resolve(job.output) === resolve(job.directory))
    throw new RefitError(
      'QL_REFIT_OPTION',
      `--output ${job.output} is the directory whose statistics are read, and a refit would replace them. Choose another one.`,
    );
  const kept = await readKeptStatistics(job.directory);
  const chosen = await chooseRefitRun(job, kept, transferProgress(clock, tell));
  try {
    requireLoadableBase(chosen, job);
    const fingerprint = await fingerprintRefit(chosen, job, kept, baseName(job, kept));
    const files = outputFiles({ writeBase: job.writeBase, ...(chosen.choice.experts && { experts: true }) });
    const report = job.fresh ? undefined : await findFinished(job.output, fingerprint, files);
    if (report === undefined) {
      const solving = planRefit(job, chosen, kept);
      requireFit(solving);
      return await begin({ kept, fingerprint, chosen, clock, workers: solving.layout.workers }, job, tell);
    }
    const finished = await readReport(report);
    await chosen.checkpoint.supply?.close();
    return { finished };
  } catch (error) {
    return failAfterClosing(error, () => chosen.checkpoint.supply?.close());
  }
};

/** Another correction from the statistics that a run kept: `initialize` without its calibration, and with the same bytes. */
export const refit = (job: RefitJob): Observable<Event> =>
  usingResource(
    (tell) => open(job, tell),
    (opened) => {
      if ('finished' in opened) return of<Event[]>(finishedNotice(job.output), { type: 'result', result: opened.finished });
      const { events$ } = opened;
      const work$ = concat(announce(opened), merge(solveBlocks(opened, job), requireSameWeights(opened)), finish(opened, job));
      return merge(events$, work$.pipe(finalize(() => events$.complete())));
    },
    async (opened, ending) => {
      if (!('finished' in opened)) await opened.output.close(ending === 'complete');
    },
  );

const solveBlocks = ({ kept, run, choice, initializer, unfinished, output, solved }: Refitting, job: RefitJob): Observable<never> =>
  from(unfinished).pipe(
    concatMap((block) =>
      defer(() => run.clock.time('load', () => loadStatistics(run, { directory: job.directory, kept }, block))).pipe(
        // weight shards → quantize → E → SVD → ALS or exact → certificate → adapter, base and experts
        concatMap((statistics) =>
          solveBlock(run, block, statistics, {
            ...{ initializer: initializer.placed, rank: choice.rank, balance: choice.balance, everyLayer: job.writeBase },
            ...{ keepWeights: keepsWeights(initializer.self), isFinished: (module) => output.finished.has(module), sink: solved.sink },
          }).pipe(finalize(() => dropStatistics(run, statistics))),
        ),
      ),
    ),
    ignoreElements(),
  );

/** Ends the run as soon as it is known that the weights are not those that were calibrated. */
const requireSameWeights = ({ kept, output }: Refitting): Observable<never> =>
  defer(async () => checkSameWeights(kept, await output.hashes)).pipe(ignoreElements());

const announce = ({ kept, run }: Refitting): Observable<Event> => {
  const { calibrationTokens, heldOutTokens } = kept.facts;
  return of({ type: 'start', command: 'refit', model: kept.model, blocks: run.model.blocks, calibrationTokens, heldOutTokens });
};

const finish = ({ kept, run, choice, initializer, output, solved, fingerprint }: Refitting, job: RefitJob): Observable<Event> =>
  defer(async (): Promise<Event> => {
    await run.walk.finish();
    await run.clock.time('write', () => output.finish());
    const report = await initializationReport(run, {
      ...{
        job: { ...choice, model: job.model ?? kept.model, ...(job.device && { device: job.device }) },
        initializer: initializer.self,
        facts: kept.facts,
        routing: kept.routing,
      },
      ...{ modules: solved.modules, expertMatrices: solved.expertMatrices, hashes: await output.hashes, activationBytes: 0 },
      ...{ files: await listWrittenFiles(job.output), processors: output.processors },
      ...{ fingerprint, refit: { from: job.directory, kept: kept.kept, seed: choice.seed } },
    });
    await output.conclude(report);
    return { type: 'result', result: report };
  });
