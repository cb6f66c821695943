import { join } from 'node:path';
import { concat, concatMap, defer, finalize, from, ignoreElements, last, map, merge, type Observable, of, range, Subject } from 'rxjs';
import { openCheckpoint, type Checkpoint } from '../src/checkpoint/index.js';
import type { Window } from '../src/corpus/index.js';
import { usingResource } from '../src/dataflow/index.js';
import { fullPrecision, openPeftAdapter, storedQuantized, withAdapter, type ModelVariant } from '../src/evaluation/index.js';
import { closeInTurn, failAfterClosing } from '../src/foundation/index.js';
import { openModel } from '../src/models/index.js';
import type { ModuleReference } from '../src/runtime/index.js';
import {
  moduleReport,
  peakRssBytes,
  reportTotals,
  transferProgress,
  type ComparedInitializer,
  type ComparisonReport,
  type ModuleReport,
  type ProgressEvent,
} from '../src/reports/index.js';
import {
  calibrateBlock,
  COMPARED_INITIALIZERS,
  dropStatistics,
  keepsWeights,
  makeScratchDirectory,
  deviceFingerprint,
  openCalibratedRun,
  openCorrectionOutput,
  quantizedVariant,
  resolvePlaced,
  RunClock,
  scoreVariant,
  solveBlock,
  stockInitializer,
  textWindows,
  versions,
  type CalibratedRun,
  type CompareJob,
  type CorrectionOutput,
  type ScratchDirectory,
  type TextScore,
} from '../src/stages/index.js';

/** One initializer on trial: where its adapter goes, and what it achieved. */
interface Candidate {
  readonly name: (typeof COMPARED_INITIALIZERS)[number];
  readonly label: string;
  readonly placed: ModuleReference;
  readonly directory: string;
  readonly requantizes: boolean;
  readonly keepWeights: boolean;
  readonly output: CorrectionOutput;
  readonly modules: ModuleReport[];
}

/** Everything a comparison holds open. */
interface Comparison {
  readonly run: CalibratedRun;
  readonly candidates: readonly Candidate[];
  readonly windows: readonly Window[];
  readonly scratch: ScratchDirectory;
  readonly events$: Subject<ProgressEvent<ComparisonReport>>;
}

const labelOf = (name: Candidate['name'], { alsSteps, loftqSteps }: CompareJob): string =>
  ({
    zero: 'no correction (QLoRA)',
    svd: 'SVD of the error',
    loftq: `LoftQ (${loftqSteps} steps, its own Q)`,
    als: `QuAILoRA (ALS, ${alsSteps} steps)`,
    exact: 'QuAILoRA (exact optimum)',
  })[name];

const openCandidate = async (
  run: CalibratedRun,
  job: CompareJob,
  scratch: ScratchDirectory,
  name: Candidate['name'],
): Promise<Candidate> => {
  const placed = stockInitializer(name, job);
  const initializer = await resolvePlaced<Parameters<typeof openCorrectionOutput>[0]['initializer']>(placed);
  const directory = join(scratch.path, name);
  const { requantizes } = initializer;
  const options = {
    ...{ directory, source: run, plan: run.plan, choice: job, initializer, writeBase: requantizes, baseModelName: job.model },
    workDirectory: join(directory, 'work'),
  };
  const output = await openCorrectionOutput(options);
  return { name, label: labelOf(name, job), placed, directory, requantizes, keepWeights: keepsWeights(initializer), output, modules: [] };
};

type Event = ProgressEvent<ComparisonReport>;

const open = async (job: CompareJob, tell: (event: Event) => void): Promise<Comparison> => {
  const clock = new RunClock();
  const onTransfer = transferProgress(clock, tell);
  const run = await openCalibratedRun(job, { clock, onTransfer });
  const candidates: Candidate[] = [];
  let scratch: ScratchDirectory | undefined;
  try {
    scratch = await makeScratchDirectory();
    const { windowTokens, textShape: shape, hub, signal } = job;
    const windows = await textWindows(run, job.text, { windowTokens, shape, hub, signal, onTransfer });
    for (const name of COMPARED_INITIALIZERS) candidates.push(await openCandidate(run, job, scratch, name));
    for (const { output } of candidates) run.walk.visit(output.copiedFiles, output.copyPlain);
    return { run, candidates, windows, scratch, events$: new Subject() };
  } catch (error) {
    return failAfterClosing(
      error,
      () => run.close(),
      () => scratch?.remove(),
    );
  }
};

/** Every initializer on the same statistics, and the perplexity of a text with each. */
export const compare = (job: CompareJob): Observable<ProgressEvent<ComparisonReport>> =>
  usingResource(
    (tell) => open(job, tell),
    (comparison) => {
      const { run, candidates, events$ } = comparison;
      const work$ = concat(
        announce(comparison, job),
        run.propagation.embed(),
        range(0, run.model.blocks).pipe(
          concatMap((block) =>
            // LoftQ has a residual of its own, so every statistic is an H
            calibrateBlock(run, block, { acceptsG: false, onTokens: tokensPassed(comparison, 'calibrate') }).pipe(
              concatMap((statistics) =>
                concat(...candidates.map((candidate) => solveCandidate(comparison, job, block, statistics, candidate))).pipe(
                  finalize(() => dropStatistics(run, statistics)),
                ),
              ),
            ),
          ),
          ignoreElements(),
        ),
        defer(() => run.walk.finish()).pipe(ignoreElements()),
        defer(() => Promise.all(candidates.map(({ output }) => output.finish()))).pipe(ignoreElements()),
        scoreAll(comparison, job).pipe(concatMap((scores) => report(comparison, job, scores))),
      );
      return merge(events$, work$.pipe(finalize(() => events$.complete())));
    },
    ({ run, scratch }) =>
      closeInTurn(
        () => run.close(),
        () => scratch.remove(),
      ),
  );

const announce = ({ run }: Comparison, job: CompareJob): Observable<ProgressEvent<ComparisonReport>> => {
  const { calibration, heldOut } = run.windows.tokens;
  const { model } = job;
  return of({
    type: 'start',
    command: 'compare',
    model,
    blocks: run.model.blocks,
    calibrationTokens: calibration,
    heldOutTokens: heldOut,
  } as const);
};

const tokensPassed =
  ({ run, events$ }: Comparison, stage: string) =>
  (block: number, tokens: number): void =>
    events$.next({ type: 'stage', stage, block, blocks: run.model.blocks, tokens, seconds: run.clock.seconds });

const solveCandidate = (
  { run, events$ }: Comparison,
  job: CompareJob,
  block: number,
  statistics: Parameters<typeof solveBlock>[2],
  candidate: Candidate,
): Observable<unknown> => {
  events$.next({ type: 'stage', stage: `solve ${candidate.name}`, block, blocks: run.model.blocks, seconds: run.clock.seconds });
  return solveBlock(run, block, statistics, {
    ...{ initializer: candidate.placed, rank: job.rank, balance: job.balance, everyLayer: candidate.requantizes },
    keepWeights: candidate.keepWeights,
    sink: async (shard) => {
      const certified = 'certificate' in shard ? shard : undefined;
      await candidate.output.write({ module: shard.layer.module, factors: certified?.factors, quantized: shard.quantized });
      if (certified) candidate.modules.push(moduleReport(certified, candidate.name));
    },
  });
};

/** A variant to score, and the model it is a variant of. */
interface Trial {
  readonly name: string;
  readonly checkpoint: Checkpoint;
  readonly model: CalibratedRun['model'];
  readonly variant: ModelVariant;
}

const sourceOf = ({ checkpoint, model }: CalibratedRun): Pick<Trial, 'checkpoint' | 'model'> => ({ checkpoint, model });

const trialOf = async (run: CalibratedRun, bits: CompareJob['bits'], { name, directory, requantizes }: Candidate): Promise<Trial> => {
  const adapter = await openPeftAdapter(join(directory, 'adapter'));
  if (!requantizes)
    return { ...sourceOf(run), name, variant: withAdapter(quantizedVariant(run, bits), run.checkpoint, run.model, adapter) };
  const checkpoint = await openCheckpoint(join(directory, 'base'));
  const model = openModel(checkpoint);
  return { name, checkpoint, model, variant: withAdapter(storedQuantized(checkpoint, model)!, checkpoint, model, adapter) };
};

/** Scores the text with full precision, LLM.int8, the quantizer alone and with every candidate but the baseline. */
const scoreAll = (comparison: Comparison, { bits }: CompareJob): Observable<ReadonlyMap<string, TextScore>> =>
  defer(async () => {
    const { run, candidates } = comparison;
    const trials: Trial[] = [
      { ...sourceOf(run), name: 'full', variant: fullPrecision() },
      { ...sourceOf(run), name: 'int8', variant: quantizedVariant(run, 8) },
      { ...sourceOf(run), name: 'zero', variant: quantizedVariant(run, bits) },
    ];
    for (const candidate of candidates) if (candidate.name !== 'zero') trials.push(await trialOf(run, bits, candidate));
    return trials;
  }).pipe(
    concatMap((trials) => {
      const scores = new Map<string, TextScore>();
      const { run, windows, scratch } = comparison;
      return from(trials).pipe(
        concatMap(({ name, checkpoint, model, variant }) =>
          scoreVariant({
            ...{ checkpoint, model, variant, windows, pool: run.pool, scratch, clock: run.clock },
            onTokens: tokensPassed(comparison, `evaluate ${name}`),
          }).pipe(map((score) => scores.set(name, score))),
        ),
        last(),
      );
    }),
  );

const report = (
  { run, candidates }: Comparison,
  job: CompareJob,
  scores: ReadonlyMap<string, TextScore>,
): Observable<ProgressEvent<ComparisonReport>> =>
  defer(async () => {
    const perplexity = (name: string): number => scores.get(name)!.perplexity;
    const [quantized, llmInt8] = [perplexity('zero'), perplexity('int8')];
    const initializers = candidates.map(({ name, label, modules }): ComparedInitializer => {
      const { lossRatio, heldOutLossRatio } = reportTotals(modules, 0);
      const seconds = modules.reduce((sum, module) => sum + module.seconds, 0);
      const gapClosed = quantized > llmInt8 ? (quantized - perplexity(name)) / (quantized - llmInt8) : null;
      return { name, label, lossRatio, heldOutLossRatio, seconds, perplexity: perplexity(name), gapClosed };
    });
    const result: ComparisonReport = {
      model: job.model,
      quantizer: run.plan.quantizer.self.name,
      rank: job.rank,
      calibrationTokens: run.windows.tokens.calibration,
      heldOutTokens: run.windows.tokens.heldOut,
      evaluationTokens: scores.get('full')!.tokens,
      ...(run.plan.experts && { expertShare: run.plan.experts.share }),
      perplexity: { fullPrecision: perplexity('full'), llmInt8, quantized },
      initializers,
      ...deviceFingerprint(job),
      arithmetic: run.arithmetic,
      versions: versions(),
      secondsPerStage: run.clock.secondsPerStage,
      peakRssBytes: await peakRssBytes(),
    };
    return { type: 'result', result } as const;
  });
