import type { MachineSpeed } from '../planning/index.js';
import type { ModuleReference, WorkerPool } from '../runtime/index.js';
import type { MeasureArgument, MeasureResult } from './measure-machine.task.js';

const TASKS = new URL('./measure-machine.task.js', import.meta.url);

/** Wider products are hardly faster, and take longer to make. */
const WIDEST = 1536;

const SECONDS = 0.4;

/**
 * Measures, in less than two seconds, what the workers do together: products [512, width] · [width, width], and quantization.
 *
 * @param hiddenSize of the model; products are no wider
 */
export const measureMachine = async (pool: WorkerPool, hiddenSize: number, quantizer: ModuleReference): Promise<MachineSpeed> => {
  // A multiple of the quantizers' block size.
  const width = 64 * Math.max(1, Math.floor(Math.min(hiddenSize, WIDEST) / 64));
  const argument: MeasureArgument = { width, quantizer, seconds: SECONDS };
  const measured = await Promise.all(
    Array.from({ length: pool.workers }, () => pool.call<MeasureResult>(TASKS, 'measureWorker', argument)),
  );
  const together = (rate: (result: MeasureResult) => number): number => measured.reduce((sum, result) => sum + rate(result), 0);
  return {
    gemmOperationsPerSecond: together(({ operations, multiplySeconds }) => operations / multiplySeconds),
    weightsPerSecond: together(({ weights, quantizeSeconds }) => weights / quantizeSeconds),
  };
};
