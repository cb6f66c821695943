import { move, transferableSymbol, valueSymbol } from 'piscina';
import { QuailoraError } from '../foundation/index.js';
import { loadReference } from './load-reference.js';
import { ortMatrixEngine, type OrtMatrixEngine } from './ort-matrix-engine.js';
import type { TaskCall, TaskOutcome, WorkerTask } from './worker-task.js';

let engine: OrtMatrixEngine | undefined;

/** Runs one task in a worker; the pool calls it with the task's module, name and argument. */
export const runTask = async ({ module, name, argument, threads }: TaskCall): Promise<unknown> => {
  let outcome: TaskOutcome;
  let transfer: readonly ArrayBuffer[] = [];
  try {
    engine ??= ortMatrixEngine(threads);
    const task = await loadReference<WorkerTask<unknown, unknown>>({ url: module, name });
    const result = await task(argument, { linalg: engine, threads });
    transfer = result.transfer ?? [];
    outcome = { value: result.value };
  } catch (error) {
    if (!(error instanceof QuailoraError)) throw error;
    outcome = { error: { code: error.code, message: error.message, retryable: error.retryable } };
  }
  return move({ [transferableSymbol]: transfer, [valueSymbol]: outcome });
};
