import { defer, type Observable } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import type { Initializer } from '../src/initializers/index.js';
import { chooseArithmetic, type ExecutionPlan, type MachineSpeed } from '../src/planning/index.js';
import { transferProgress, type ProgressEvent } from '../src/reports/index.js';
import { startWorkerPool } from '../src/runtime/index.js';
import {
  askedArithmetic,
  assumeTokens,
  measureMachine,
  openSourceModel,
  planCorrection,
  planRun,
  requireFullPrecision,
  requireJobDevice,
  resolvePlaced,
  RunClock,
  stockInitializer,
  stockQuantizer,
  type PlanJob,
  type RunParts,
  type SourceModel,
} from '../src/stages/index.js';

type Event = ProgressEvent<ExecutionPlan>;

/** Plans what `initialize` would need: configuration and shard headers are read, no weight. */
export const plan = (job: PlanJob): Observable<Event> =>
  usingResource(
    (tell: (event: Event) => void) => openSourceModel(job.model, { ...job, onTransfer: transferProgress(new RunClock(), tell) }),
    (source) => defer(async (): Promise<Event> => ({ type: 'result', result: await planWithTimes(job, source) })),
    async ({ checkpoint }) => checkpoint.supply?.close(),
  );

/** The layout comes first: it is what is measured. */
const planWithTimes = async (job: PlanJob, source: SourceModel): Promise<ExecutionPlan> => {
  await requireJobDevice(job);
  requireFullPrecision(source.checkpoint);
  const correction = await planCorrection(source, job);
  const initializer = await resolvePlaced<Initializer>(stockInitializer(job.initializer, job));
  const arithmetic = await chooseArithmetic(askedArithmetic(job), source.model.hiddenSize);
  const parts: RunParts = { source, correction, initializer, arithmetic, tokens: assumeTokens(job, source.model) };
  const { layout, floats } = await planRun(job, parts);
  return planRun(job, { ...parts, speed: await measureLayout(job, source, { layout, floats }) });
};

const measureLayout = async (
  job: PlanJob,
  { model }: SourceModel,
  { layout, floats }: Pick<ExecutionPlan, 'layout' | 'floats'>,
): Promise<MachineSpeed> => {
  const pool = startWorkerPool({ ...layout, device: job.device, signal: job.signal });
  try {
    const { arithmetic } = floats;
    return await measureMachine(pool, { hiddenSize: model.hiddenSize, rank: job.rank, arithmetic, quantizer: stockQuantizer(job.bits) });
  } finally {
    await pool.close();
  }
};
