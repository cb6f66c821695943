import { selectWindows, type SelectedWindows } from '../corpus/index.js';
import { limited } from '../dataflow/index.js';
import type { HiddenStateBudget, SummedInput } from '../calibration/index.js';
import { chooseArithmetic, mostPilotTokens, type ArithmeticChoice, type AskedArithmetic, type ExecutionPlan } from '../planning/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { requireJobDevice } from './compute-device.js';
import { planCorrection, type CorrectionPlan } from './correction-plan.js';
import { firstTokens } from './first-tokens.js';
import { fetchFromHub } from './fetch-from-hub.js';
import type { CalibrationChoice, CorrectionChoice, ExpertChoice, JobControl, ModelChoice, ResourceChoice } from './jobs.js';
import { checkWindows, openSourceModel, requireFullPrecision, type SourceModel, type SourceOptions } from './open-source-model.js';
import type { Placed } from './placed.js';
import { Propagation } from './propagation.js';
import { RoutingCounts } from './routing-counts.js';
import { RunClock } from './run-clock.js';
import { makeScratchDirectory } from './scratch-directory.js';
import { quantizeStage } from './shard-stages.js';
import type { QuantizedShard, WeightShard } from './shard.js';
import type { TokenChoice } from './token-choice.js';
import { startSolving, type SolvingRun } from './solving-run.js';
import { summedInputs } from './summed-inputs.js';

/** Hidden states kept in memory between two blocks; more of them go through files. */
const HIDDEN_STATE_BYTES = 64 * 1024 * 1024;

/** Where hidden states go between two blocks. */
export interface HiddenStatePlace extends HiddenStateBudget {
  /** Called when the run is closed. */
  readonly release: () => Promise<void>;
}

/** A scratch directory, for hidden states beyond a little. */
const temporaryPlace = async (parent: string | undefined): Promise<HiddenStatePlace> => {
  const { path, remove } = await makeScratchDirectory(parent);
  return { bytes: HIDDEN_STATE_BYTES, directory: path, release: remove };
};

/** What a run that calibrates needs to know. */
export interface CalibratedJob extends JobControl, ModelChoice, CalibrationChoice, CorrectionChoice, ExpertChoice, ResourceChoice {}

/** What is known of a run before it takes any place on the disk. */
export interface ChosenRun extends SourceModel {
  readonly windows: SelectedWindows;
  readonly plan: CorrectionPlan;
  /** How the text passes the linear layers. */
  readonly arithmetic: ArithmeticChoice;
  /** How many tokens of the text the windows are, and why; left out where the job said so. */
  readonly tokenChoice?: TokenChoice;
}

/** What a calibrated run may be given in place of what it makes. */
export interface CalibratedRunOptions extends Pick<SourceOptions, 'onTransfer'> {
  /** In place of the stock quantizer for the job's bits. */
  readonly quantizer?: Placed<Quantizer> | undefined;
  /** The job's model, opened already; the run closes it. */
  readonly source?: SourceModel | undefined;
  /** Runs since the job began. */
  readonly clock?: RunClock | undefined;
}

/** An open model with its calibration windows, on its way through the blocks. */
export interface CalibratedRun extends ChosenRun, SolvingRun {
  readonly propagation: Propagation;
  /** Tokens routed to each expert, of the blocks that were calibrated. */
  readonly routing: RoutingCounts;
  /** Reads and quantizes one shard for its E. */
  quantize(shard: WeightShard): Promise<QuantizedShard>;
  /** Says what is summed in a block; quantizes what a G needs. */
  sumsOf(block: number, acceptsG: boolean): Promise<SummedInput[]>;
  /** The same inputs for a block that is passed again, with nothing to sum. */
  unsummed(block: number, acceptsG: boolean): Promise<SummedInput[]>;
  /** Ends the workers and the transfers, and removes scratch files. */
  close(): Promise<void>;
}

/** The operator that multiplies slices exists on the processor only. */
export const askedArithmetic = ({ arithmetic = 'auto', device = 'cpu' }: Pick<CalibratedJob, 'arithmetic' | 'device'>): AskedArithmetic =>
  arithmetic === 'auto' && device !== 'cpu' ? 'f32' : arithmetic;

const chooseWindows = async (
  source: SourceModel,
  job: CalibratedJob,
  onTransfer: SourceOptions['onTransfer'],
): Promise<SelectedWindows> => {
  const { windowTokens, heldOutFraction: heldOut, budget, seed, signal, calibration, calibrationShape: shape } = job;
  const options = { windowTokens, heldOut, shape, signal, fetchDatasetFile: fetchFromHub(job.hub, { signal, onTransfer }) };
  const select = (chosen: { readonly tokens: number; readonly ifShort?: 'divide' } | { readonly samples: number; readonly seed: number }) =>
    selectWindows(calibration, source.tokenizer, { ...options, ...chosen });
  if (budget.kind === 'samples') return select({ samples: budget.samples, seed });
  if (budget.kind === 'auto') return select({ tokens: budget.most ?? mostPilotTokens(source.model), ifShort: 'divide' });
  return firstTokens(await select({ tokens: budget.of ?? budget.tokens }), budget.tokens);
};

/**
 * Starts the workers of a run that was chosen.
 *
 * @param place where hidden states go between two blocks
 * @param execution what the run follows; the stock layout where left out
 */
export const startRun = (
  chosen: ChosenRun,
  job: CalibratedJob,
  place: HiddenStatePlace,
  clock: RunClock,
  execution?: ExecutionPlan,
): CalibratedRun => {
  const { windows, plan, arithmetic, tokenChoice, ...source } = chosen;
  const solving = startSolving(source, plan, job, clock, execution);
  const { pool, context, walk } = solving;
  const quantizeRead = limited(quantizeStage(pool, plan.quantizer.placed, false), context, ({ layer }) => layer.module, clock.add);
  const quantize = async (shard: WeightShard): Promise<QuantizedShard> => {
    await walk.arrive(shard.block);
    return quantizeRead(shard);
  };
  const form = arithmetic.used === 'int8-split' ? 'split' : 'stored';
  const propagation = new Propagation(source.model, windows, pool, place, execution?.floats, walk, form);
  return {
    ...{ ...solving, windows, arithmetic, quantize, propagation },
    ...(tokenChoice && { tokenChoice }),
    routing: new RoutingCounts(),
    sumsOf: (block, acceptsG) => summedInputs(source.model, plan, block, acceptsG, propagation.segments, quantize),
    unsummed: (block, acceptsG) => summedInputs(source.model, plan, block, acceptsG, propagation.segments, undefined),
    close: async () => {
      await solving.close();
      await place.release();
    },
  };
};

/**
 * Opens model and text, and chooses the windows. Close `checkpoint.supply` when the run is not started.
 *
 * @throws the errors of the checkpoint, the Hub, the corpus, the model and the plan; nothing is left open then
 */
export const chooseRun = async (job: CalibratedJob, options: CalibratedRunOptions = {}): Promise<ChosenRun> => {
  const { quantizer, clock = new RunClock(), onTransfer } = options;
  await requireJobDevice(job);
  const source = options.source ?? (await openSourceModel(job.model, { ...job, onTransfer }));
  try {
    requireFullPrecision(source.checkpoint);
    const arithmetic = await chooseArithmetic(askedArithmetic(job), source.model.hiddenSize);
    const plan = await planCorrection(source, job, quantizer);
    const windows = await clock.time('tokenize', () => chooseWindows(source, job, onTransfer));
    checkWindows(source, [...windows.calibration, ...windows.heldOut]);
    return { ...source, windows, plan, arithmetic };
  } catch (error) {
    await source.checkpoint.supply?.close();
    throw error;
  }
};

/**
 * Chooses a run and starts it; hidden states beyond a little go to a scratch directory.
 *
 * @throws as `chooseRun`; FileWriteError
 */
export const openCalibratedRun = async (job: CalibratedJob, options: CalibratedRunOptions = {}): Promise<CalibratedRun> => {
  const { clock = new RunClock() } = options;
  const chosen = await chooseRun(job, { ...options, clock });
  try {
    return startRun(chosen, job, await temporaryPlace(job.scratch), clock);
  } catch (error) {
    await chosen.checkpoint.supply?.close();
    throw error;
  }
};
