import { move, transferableSymbol, valueSymbol } from 'piscina';
import { QuailoraError } from '../foundation/index.js';
import { collectGarbage } from './collect-garbage.js';
import { useDevice } from './device.js';
import { loadReference } from './load-reference.js';
import { ortMatrixEngine, type OrtMatrixEngine } from './ort-matrix-engine.js';
import type { MatrixEngine } from './matrix-engine.js';
import { StoppedError, type TaskCall, type TaskOutcome, type WorkerTask } from './worker-task.js';

let engine: OrtMatrixEngine | undefined;

/** Disposes of what a task let stay in this worker. */
let disposeOfStaying: (() => Promise<void>) | undefined;

const stay = (dispose: () => Promise<void>): void => void (disposeOfStaying = dispose);

const makeRoom = async (): Promise<void> => {
  const dispose = disposeOfStaying;
  disposeOfStaying = undefined;
  await dispose?.();
};

/** Runs one task in a worker; the pool calls it with the task's module, name and argument. */
export const runTask = async ({ module, name, argument, threads, device, stop }: TaskCall): Promise<unknown> => {
  let outcome: TaskOutcome;
  let transfer: readonly ArrayBuffer[] = [];
  let letGoBytes = 0;
  try {
    useDevice(device);
    const own = (engine ??= ortMatrixEngine(threads));
    const throwIfStopped = (): void => {
      if (Atomics.load(stop, 0) !== 0) throw new StoppedError();
    };
    const multiply: MatrixEngine['multiply'] = async (A, B, options) => {
      throwIfStopped();
      return own.multiply(A, B, options);
    };
    const task = await loadReference<WorkerTask<unknown, unknown>>({ url: module, name });
    const result = await task(argument, { linalg: { multiply }, threads, throwIfStopped, stay, makeRoom });
    transfer = result.transfer ?? [];
    letGoBytes = result.letGoBytes ?? 0;
    outcome = { value: result.value };
  } catch (error) {
    if (!(error instanceof QuailoraError)) throw error;
    outcome = { error: { code: error.code, message: error.message, retryable: error.retryable } };
  }
  collectGarbage(letGoBytes);
  return move({ [transferableSymbol]: transfer, [valueSymbol]: outcome });
};
