import type { StageContext } from '../dataflow/index.js';
import { ByteLedger } from '../foundation/index.js';
import type { ExecutionPlan } from '../planning/index.js';
import { startWorkerPool, type WorkerPool } from '../runtime/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import type { JobControl, ModelChoice } from './jobs.js';
import { walkModel, type ModelWalk } from './model-walk.js';
import type { SourceModel } from './open-source-model.js';
import type { RunClock } from './run-clock.js';
import { layOutWorkers } from './worker-layout.js';

/** An open model whose weights are corrected block by block, wherever the statistics come from. */
export interface SolvingRun extends SourceModel {
  readonly plan: CorrectionPlan;
  /** Undefined where none was made; the stock layout is followed then. */
  readonly execution: ExecutionPlan | undefined;
  readonly pool: WorkerPool;
  readonly context: StageContext;
  readonly clock: RunClock;
  /** The way through the blocks; everything that reads weights goes along it. */
  readonly walk: ModelWalk;
  /** Bytes of weights in flight, W, Q and E. */
  readonly weightBytes: ByteLedger;
  /** Bytes of sums, those held out included. */
  readonly statisticBytes: ByteLedger;
  /** Weight matrices that are worked on at once. */
  readonly shardsInFlight: number;
  /** Ends the workers and the transfers. */
  close(): Promise<void>;
}

/**
 * Starts the workers for a model that is open.
 *
 * @param execution what the run follows; the stock layout where left out
 */
export const startSolving = (
  source: SourceModel,
  plan: CorrectionPlan,
  job: JobControl & Pick<ModelChoice, 'prefetch'>,
  clock: RunClock,
  execution?: ExecutionPlan,
): SolvingRun => {
  const pool = startWorkerPool({ ...(execution?.layout ?? layOutWorkers(job)), device: job.device, signal: job.signal });
  return {
    ...{ ...source, plan, execution, pool, clock },
    context: { linalg: pool.linalg, signal: job.signal ?? new AbortController().signal },
    walk: walkModel(source.checkpoint, source.model, { scores: false, prefetch: job.prefetch, clock }),
    shardsInFlight: execution?.shardsInFlight ?? pool.workers,
    weightBytes: new ByteLedger(),
    statisticBytes: new ByteLedger(),
    close: async () => {
      await pool.close();
      await source.checkpoint.supply?.close();
    },
  };
};
