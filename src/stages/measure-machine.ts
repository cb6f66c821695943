import type { MachineSpeed } from '../planning/index.js';
import type { ModuleReference, WorkerPool } from '../runtime/index.js';
import type { MeasureArgument, MeasureQuantizerArgument } from './measure-machine.task.js';

const TASKS = new URL('./measure-machine.task.js', import.meta.url);

/** Wider products are hardly faster, and take longer to make. */
const WIDEST = 1536;

const SECONDS = 0.4;

/** A multiple of the quantizers' block size. */
const widthFor = (hiddenSize: number): number => 64 * Math.max(1, Math.floor(Math.min(hiddenSize, WIDEST) / 64));

/** The sum of what all workers measure at the same time. */
const together = async (pool: WorkerPool, task: string, argument: MeasureArgument): Promise<number> => {
  const rates = await Promise.all(Array.from({ length: pool.workers }, () => pool.call<number>(TASKS, task, argument)));
  return rates.reduce((sum, rate) => sum + rate, 0);
};

/**
 * Measures, in about half a second, the floating-point operations a second of all workers together, in products
 * [512, width] · [width, width].
 *
 * @param hiddenSize of the model; products are no wider
 */
export const measureGemmRate = (pool: WorkerPool, hiddenSize: number): Promise<number> =>
  together(pool, 'measureProducts', { width: widthFor(hiddenSize), seconds: SECONDS });

/** Measures, in less than two seconds, products as `measureGemmRate`, and quantization. */
export const measureMachine = async (pool: WorkerPool, hiddenSize: number, quantizer: ModuleReference): Promise<MachineSpeed> => {
  const argument: MeasureQuantizerArgument = { width: widthFor(hiddenSize), quantizer, seconds: SECONDS };
  return {
    gemmOperationsPerSecond: await measureGemmRate(pool, hiddenSize),
    weightsPerSecond: await together(pool, 'measureQuantizer', argument),
  };
};
