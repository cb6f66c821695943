import { concat, concatMap, defer, finalize, ignoreElements, merge, type Observable, of, range, Subject } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import {
  initializationReport,
  readKeptStatistics,
  recordSolved,
  transferProgress,
  type InitializationReport,
  type ProgressEvent,
  type SolvedRecord,
} from '../src/reports/index.js';
import {
  checkSameWeights,
  dropStatistics,
  keepsWeights,
  loadStatistics,
  openClaimedOutput,
  openRefitRun,
  RunClock,
  solveBlock,
  type ClaimedOutput,
  type KeptStatistics,
  type RefitJob,
  type RefitRun,
} from '../src/stages/index.js';

type Event = ProgressEvent<InitializationReport>;

/** Everything a refit holds open. */
interface Refitting {
  readonly kept: KeptStatistics;
  readonly run: RefitRun;
  readonly output: ClaimedOutput;
  readonly solved: SolvedRecord;
  readonly events$: Subject<Event>;
}

/** The base that the adapter names: as the run that kept the statistics named it, unless a name is given. */
const baseName = (
  job: RefitJob,
  { options, model, revision }: KeptStatistics,
): { baseModelName: string; baseModelRevision?: string | undefined } => {
  const given = job.baseName ?? options.baseName;
  return given === undefined ? { baseModelName: model, baseModelRevision: revision } : { baseModelName: given };
};

const open = async (job: RefitJob, tell: (event: Event) => void): Promise<Refitting> => {
  const clock = new RunClock();
  const kept = await readKeptStatistics(job.directory);
  const run = await openRefitRun(job, kept, { clock, onTransfer: transferProgress(clock, tell) });
  try {
    const { choice, initializer } = run;
    const { overwrite, writeBase, signal } = job;
    const options = { directory: job.output, overwrite, choice, initializer: initializer.self, writeBase, signal };
    const output = await openClaimedOutput(run, { ...options, ...baseName(job, kept) });
    const events$ = new Subject<Event>();
    return { kept, run, output, solved: recordSolved(run, output, initializer.self.name, (event) => events$.next(event)), events$ };
  } catch (error) {
    await run.close();
    throw error;
  }
};

/** Another correction from the statistics that a run kept: `initialize` without its calibration, and with the same bytes. */
export const refit = (job: RefitJob): Observable<Event> =>
  usingResource(
    (tell) => open(job, tell),
    (refitting) => {
      const { events$ } = refitting;
      const work$ = concat(announce(refitting), merge(solveBlocks(refitting, job), requireSameWeights(refitting)), finish(refitting, job));
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

const solveBlocks = ({ kept, run, solved }: Refitting, job: RefitJob): Observable<never> =>
  range(0, run.model.blocks).pipe(
    concatMap((block) =>
      defer(() => run.clock.time('load', () => loadStatistics(run, { directory: job.directory, kept }, block))).pipe(
        // weight shards → quantize → E → SVD → ALS or exact → certificate → adapter, base and experts
        concatMap((statistics) =>
          solveBlock(run, block, statistics, {
            ...{ initializer: run.initializer.placed, rank: run.choice.rank, balance: run.choice.balance, everyLayer: job.writeBase },
            ...{ keepWeights: keepsWeights(run.initializer.self), sink: solved.sink },
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

const finish = ({ kept, run, output, solved }: Refitting, job: RefitJob): Observable<Event> =>
  defer(async (): Promise<Event> => {
    const { choice, initializer } = run;
    await run.walk.finish();
    await run.clock.time('write', () => output.finish());
    const report = await initializationReport(run, {
      ...{ job: { ...choice, model: job.model ?? kept.model }, initializer: initializer.self, facts: kept.facts, routing: kept.routing },
      ...{ modules: solved.modules, expertMatrices: solved.expertMatrices, hashes: await output.hashes, activationBytes: 0 },
      refit: { from: job.directory, kept: kept.kept, seed: choice.seed },
    });
    await output.conclude(report);
    return { type: 'result', result: report };
  });
