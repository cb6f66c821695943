import { concat, concatMap, defer, finalize, merge, type Observable, of, Subject, toArray } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import type { ModelVariant } from '../src/evaluation/index.js';
import { startWorkerPool, type WorkerPool } from '../src/runtime/index.js';
import { peakRssBytes, transferProgress, type EvaluationReport, type ProgressEvent } from '../src/reports/index.js';
import {
  chooseVariant,
  makeScratchDirectory,
  deviceFingerprint,
  openSourceModel,
  requireJobDevice,
  RunClock,
  scoreVariant,
  textWindows,
  weightOnlyInt8,
  layOutWorkers,
  type EvaluateJob,
  type ScratchDirectory,
  type SourceModel,
  type TextScore,
} from '../src/stages/index.js';
import { writeLogprobs } from '../src/transport/index.js';

/** Everything an evaluation holds open. */
interface Evaluation {
  readonly source: SourceModel;
  readonly windows: readonly Int32Array[];
  /** The model as it is asked for; after it, where 8 bits are asked for, its weights alone. */
  readonly variants: readonly ModelVariant[];
  readonly pool: WorkerPool;
  readonly scratch: ScratchDirectory;
  readonly clock: RunClock;
  readonly events$: Subject<ProgressEvent<EvaluationReport>>;
}

type Event = ProgressEvent<EvaluationReport>;

const open = async (job: EvaluateJob, tell: (event: Event) => void): Promise<Evaluation> => {
  const clock = new RunClock();
  const onTransfer = transferProgress(clock, tell);
  await requireJobDevice(job);
  const source = await openSourceModel(job.model, { ...job, onTransfer });
  try {
    return await prepare(job, source, clock, onTransfer);
  } catch (error) {
    await source.checkpoint.supply?.close();
    throw error;
  }
};

const prepare = async (
  job: EvaluateJob,
  source: SourceModel,
  clock: RunClock,
  onTransfer: ReturnType<typeof transferProgress>,
): Promise<Evaluation> => {
  const variant = await chooseVariant(source, job.bits, job.adapter);
  const variants = job.bits === 8 && job.adapter === undefined ? [variant, weightOnlyInt8(source)] : [variant];
  const windows = await textWindows(source, job.text, { ...job, shape: job.textShape, onTransfer });
  const scratch = await makeScratchDirectory();
  return {
    source,
    windows,
    variants,
    scratch,
    clock,
    pool: startWorkerPool({ ...layOutWorkers(job), device: job.device, signal: job.signal }),
    events$: new Subject(),
  };
};

/** Perplexity of a checkpoint on a text, streamed block by block. */
export const evaluate = (job: EvaluateJob): Observable<ProgressEvent<EvaluationReport>> =>
  usingResource(
    (tell) => open(job, tell),
    (evaluation) => {
      const { source, windows, variants, pool, scratch, clock, events$ } = evaluation;
      const tokens = countTokens(windows);
      const start = {
        type: 'start',
        command: 'evaluate',
        model: job.model,
        blocks: source.model.blocks,
        calibrationTokens: tokens,
        heldOutTokens: 0,
      } as const;
      const work$ = concat(
        of(start),
        concat(
          ...variants.map((variant) =>
            scoreVariant({
              ...{ checkpoint: source.checkpoint, model: source.model, variant, windows, pool, scratch },
              ...{ onTokens: tokensPassed(evaluation, variant), prefetch: job.prefetch, clock },
            }),
          ),
        ).pipe(
          toArray(),
          concatMap((scores) => finish(evaluation, job, scores)),
        ),
      );
      return merge(events$, work$.pipe(finalize(() => events$.complete())));
    },
    async ({ source, pool, scratch }) => {
      await pool.close();
      await scratch.remove();
      await source.checkpoint.supply?.close();
    },
  );

const countTokens = (windows: readonly Int32Array[]): number => windows.reduce((sum, { length }) => sum + length, 0);

const tokensPassed =
  ({ source, windows, clock, events$ }: Evaluation, { label }: ModelVariant) =>
  (block: number, tokens: number): void => {
    const place = { block, blocks: source.model.blocks, tokens, totalTokens: countTokens(windows) };
    events$.next({ type: 'stage', stage: `evaluate ${label}`, ...place, seconds: clock.seconds });
  };

const finish = (
  { variants, clock }: Evaluation,
  job: EvaluateJob,
  scores: readonly TextScore[],
): Observable<ProgressEvent<EvaluationReport>> =>
  defer(async () => {
    const [asked, weightOnly] = scores;
    if (job.logprobs !== undefined) await writeLogprobs(job.logprobs, asked!.logprobs);
    const result: EvaluationReport = {
      model: job.model,
      weights: variants[0]!.label,
      adapter: job.adapter ?? null,
      perplexity: asked!.perplexity,
      tokens: asked!.tokens,
      windowTokens: job.windowTokens,
      ...(weightOnly && { weightOnlyPerplexity: weightOnly.perplexity }),
      ...(job.logprobs !== undefined && { logprobs: job.logprobs }),
      ...deviceFingerprint(job),
      seconds: clock.seconds,
      peakRssBytes: await peakRssBytes(),
    };
    return { type: 'result', result } as const;
  });
