import { move, transferableSymbol, valueSymbol } from 'piscina';
import { QuailoraError } from '../foundation/index.js';
import { loadReference } from './load-reference.js';
import { ortMatrixEngine, type OrtMatrixEngine } from './ort-matrix-engine.js';
import type { MatrixEngine } from './matrix-engine.js';
import { StoppedError, type TaskCall, type TaskOutcome, type WorkerTask } from './worker-task.js';

let engine: OrtMatrixEngine | undefined;

/** What a task left in this worker for its next call. */
let left: { readonly by: string; readonly dispose: () => Promise<void> } | undefined;

const makeRoomFor = async (task: string): Promise<void> => {
  if (!left || left.by === task) return;
  const { dispose } = left;
  left = undefined;
  await dispose();
};

/** Runs one task in a worker; the pool calls it with the task's module, name and argument. */
export const runTask = async ({ module, name, argument, threads, stop }: TaskCall): Promise<unknown> => {
  let outcome: TaskOutcome;
  let transfer: readonly ArrayBuffer[] = [];
  const by = `${module} ${name}`;
  try {
    await makeRoomFor(by);
    const own = (engine ??= ortMatrixEngine(threads));
    const throwIfStopped = (): void => {
      if (Atomics.load(stop, 0) !== 0) throw new StoppedError();
    };
    const multiply: MatrixEngine['multiply'] = async (A, B, options) => {
      throwIfStopped();
      return own.multiply(A, B, options);
    };
    const task = await loadReference<WorkerTask<unknown, unknown>>({ url: module, name });
    const beforeOtherTask = (dispose: () => Promise<void>): void => void (left = { by, dispose });
    const result = await task(argument, { linalg: { multiply }, threads, throwIfStopped, beforeOtherTask });
    transfer = result.transfer ?? [];
    outcome = { value: result.value };
  } catch (error) {
    if (!(error instanceof QuailoraError)) throw error;
    outcome = { error: { code: error.code, message: error.message, retryable: error.retryable } };
  }
  return move({ [transferableSymbol]: transfer, [valueSymbol]: outcome });
};
