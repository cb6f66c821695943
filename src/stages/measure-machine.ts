import { panelValues, type Arithmetic, type MachineSpeed } from '../planning/index.js';
import { blockColumns } from '../linalg/index.js';
import type { ModuleReference, WorkerPool } from '../runtime/index.js';
import type {
  MeasureProductArgument,
  MeasureQuantizerArgument,
  MeasureSolverArgument,
  MeasureSumArgument,
} from './measure-machine.task.js';

const TASKS = new URL('./measure-machine.task.js', import.meta.url);

/** Rows of activations in one product, as in a run of a block. */
const ROWS = 512;

/** Columns from which a product is hardly faster; its inner size is always the model's width. */
const WIDEST_PRODUCT = 1536;

/** Width from which a sum is hardly faster, and rows from which thin products are. */
const WIDEST_SUM = 4096;

/** Rows from which an eigensolver's work grows with them. */
const LONGEST_BLOCK = 2048;

const SECONDS = 0.25;

/** A multiple of the quantizers' block size. */
const wholeBlocks = (width: number): number => 64 * Math.max(1, Math.floor(width / 64));

/** The sum of what all workers measure at the same time. */
const together = async (pool: WorkerPool, task: string, argument: unknown): Promise<number> => {
  const rates = await Promise.all(Array.from({ length: pool.workers }, () => pool.call<number>(TASKS, task, argument)));
  return rates.reduce((sum, rate) => sum + rate, 0);
};

const linearProduct = (hiddenSize: number): MeasureProductArgument => ({
  ...{ rows: ROWS, inner: wholeBlocks(hiddenSize), columns: wholeBlocks(Math.min(hiddenSize, WIDEST_PRODUCT)) },
  ...{ transposed: true, seconds: SECONDS },
});

/**
 * Measures the floating-point operations a second of all workers together, in products [512, width] · [width, columns].
 *
 * @param hiddenSize of the model: the width, and the columns up to 1,536
 */
const measureGemmRate = (pool: WorkerPool, hiddenSize: number): Promise<number> =>
  together(pool, 'measureProducts', linearProduct(hiddenSize));

/** Operations a second of products whose right side is given at each run, and of those that have it as a constant. */
export interface GemmRates {
  readonly fed: number;
  /** ONNX Runtime packs a constant once, when the graph is loaded. */
  readonly constant: number;
}

/** Measures the same products as `measureGemmRate` with either kind of right side; a run's own are of both kinds. */
export const measureGemmRates = async (pool: WorkerPool, hiddenSize: number): Promise<GemmRates> => ({
  fed: await measureGemmRate(pool, hiddenSize),
  constant: await together(pool, 'measureConstantProducts', linearProduct(hiddenSize)),
});

/** What of a run decides which work is measured. */
export interface MeasuredRun {
  readonly hiddenSize: number;
  readonly rank: number;
  readonly arithmetic: Arithmetic;
  readonly quantizer: ModuleReference;
}

/** Measures each kind of a run's work at the model's width, a quarter of a second each: less than three seconds in all. */
export const measureMachine = async (pool: WorkerPool, run: MeasuredRun): Promise<MachineSpeed> => {
  const { hiddenSize, rank, arithmetic, quantizer } = run;
  const width = wholeBlocks(Math.min(hiddenSize, WIDEST_SUM));
  const dimension = wholeBlocks(Math.min(hiddenSize, LONGEST_BLOCK));
  const thin: MeasureProductArgument = {
    ...{ rows: width, inner: width, columns: blockColumns(Math.min(rank, width), width), transposed: false, seconds: SECONDS },
  };
  const sum: MeasureSumArgument = { rows: ROWS, width, seconds: SECONDS };
  const solver: MeasureSolverArgument = { dimension, rank: Math.min(rank, dimension), seconds: SECONDS };
  const quantized: MeasureQuantizerArgument = { width: wholeBlocks(Math.min(hiddenSize, WIDEST_PRODUCT)), quantizer, seconds: SECONDS };
  const gemmOperationsPerSecond = await measureGemmRate(pool, hiddenSize);
  return {
    gemmOperationsPerSecond,
    linearOperationsPerSecond:
      arithmetic === 'f32' ? gemmOperationsPerSecond : await together(pool, 'measureSplitProducts', linearProduct(hiddenSize)),
    sumOperationsPerSecond: 2 * ROWS * panelValues(width) * (await together(pool, 'measureSums', sum)),
    thinOperationsPerSecond: await together(pool, 'measureProducts', thin),
    solvedRowsPerSecond: await together(pool, 'measureSolver', solver),
    weightsPerSecond: await together(pool, 'measureQuantizer', quantized),
  };
};
