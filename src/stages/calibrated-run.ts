import { selectWindows, type SelectedWindows } from '../corpus/index.js';
import { limited, type StageContext } from '../dataflow/index.js';
import { ByteLedger } from '../foundation/index.js';
import type { SummedInput } from '../calibration/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { startWorkerPool, type WorkerPool } from '../runtime/index.js';
import { planCorrection, type CorrectionPlan } from './correction-plan.js';
import type { CalibrationChoice, CorrectionChoice, ExpertChoice, JobControl } from './jobs.js';
import { checkWindows, openSourceModel, requireFullPrecision, type SourceModel } from './open-source-model.js';
import type { Placed } from './placed.js';
import { Propagation } from './propagation.js';
import { RoutingCounts } from './routing-counts.js';
import { RunClock } from './run-clock.js';
import { makeScratchDirectory, type ScratchDirectory } from './scratch-directory.js';
import { quantizeStage } from './shard-stages.js';
import type { QuantizedShard, WeightShard } from './shard.js';
import { summedInputs } from './summed-inputs.js';
import { workerCount } from './worker-count.js';

/** Hidden states kept in memory between two blocks; more of them go through files. */
const HIDDEN_STATE_BYTES = 64 * 1024 * 1024;

/** What a run that calibrates needs to know. */
export interface CalibratedJob extends JobControl, CalibrationChoice, CorrectionChoice, ExpertChoice {
  /** Hugging Face checkpoint directory. */
  readonly model: string;
}

/** An open model with its calibration windows, on its way through the blocks. */
export interface CalibratedRun extends SourceModel {
  readonly windows: SelectedWindows;
  readonly plan: CorrectionPlan;
  readonly pool: WorkerPool;
  readonly context: StageContext;
  readonly clock: RunClock;
  readonly propagation: Propagation;
  /** Tokens routed to each expert, of the blocks that were calibrated. */
  readonly routing: RoutingCounts;
  /** Bytes of weights in flight, W, Q and E. */
  readonly weightBytes: ByteLedger;
  /** Bytes of sums, those held out included. */
  readonly statisticBytes: ByteLedger;
  /** Reads and quantizes one shard. */
  quantize(shard: WeightShard): Promise<QuantizedShard>;
  /** Says what is summed in a block; quantizes what a G needs. */
  sumsOf(block: number, acceptsG: boolean): Promise<SummedInput[]>;
  /** Ends the workers and removes scratch files. */
  close(): Promise<void>;
}

const chooseWindows = (source: SourceModel, job: CalibratedJob): Promise<SelectedWindows> => {
  const { windowTokens, heldOutFraction: heldOut, budget, seed, signal, calibration } = job;
  const options = { windowTokens, heldOut, signal };
  const chosen = budget.kind === 'tokens' ? { ...options, tokens: budget.tokens } : { ...options, samples: budget.samples, seed };
  return selectWindows(calibration, source.tokenizer, chosen);
};

const assemble = (
  source: SourceModel,
  job: CalibratedJob,
  windows: SelectedWindows,
  plan: CorrectionPlan,
  scratch: ScratchDirectory,
  clock: RunClock,
): CalibratedRun => {
  const pool = startWorkerPool({ workers: workerCount(job), signal: job.signal });
  const context: StageContext = { linalg: pool.linalg, signal: job.signal ?? new AbortController().signal };
  const quantize = limited(quantizeStage(pool, plan.quantizer.placed), context, ({ layer }) => layer.module, clock.add);
  const propagation = new Propagation(source.model, windows, pool, { bytes: HIDDEN_STATE_BYTES, directory: scratch.path });
  return {
    ...{ ...source, windows, plan, pool, context, clock, quantize, propagation },
    routing: new RoutingCounts(),
    weightBytes: new ByteLedger(),
    statisticBytes: new ByteLedger(),
    sumsOf: (block, acceptsG) => summedInputs(source.model, plan, block, acceptsG, propagation.segments, quantize),
    close: async () => {
      await pool.close();
      await scratch.remove();
    },
  };
};

/**
 * Opens model and text, chooses the windows, starts the workers.
 *
 * @param quantizer in place of the stock quantizer for the job's bits
 * @throws the errors of the checkpoint, the corpus, the model and the plan; nothing is left open then
 */
export const openCalibratedRun = async (job: CalibratedJob, quantizer?: Placed<Quantizer>): Promise<CalibratedRun> => {
  const clock = new RunClock();
  const source = await openSourceModel(job.model);
  requireFullPrecision(source.checkpoint);
  const plan = await planCorrection(source, job, quantizer);
  const windows = await clock.time('tokenize', () => chooseWindows(source, job));
  checkWindows(source, [...windows.calibration, ...windows.heldOut]);
  const scratch = await makeScratchDirectory();
  return assemble(source, job, windows, plan, scratch, clock);
};
