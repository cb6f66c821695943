import pLimit from 'p-limit';
import { Piscina } from 'piscina';
import { fromPlain, QuailoraError, rowMajor, toPlain, type Matrix, type PlainMatrix } from '../foundation/index.js';
import type { Device } from './device.js';
import type { MatrixEngine } from './matrix-engine.js';
import type { MultiplyArgument } from './multiply.task.js';
import { buffersOf, STOPPED, StoppedError, type TaskCall, type TaskOutcome } from './worker-task.js';

/** How a pool is made. */
export interface WorkerPoolOptions {
  /** Number of workers. */
  readonly workers: number;
  /** Threads inside one operator of each worker; 1 unless told. */
  readonly threads?: number;
  /** What the workers compute on; the processor unless told. */
  readonly device?: Device | undefined;
  /** Ends every task when aborted: those that run at their next product or graph, those that wait at once. */
  readonly signal?: AbortSignal | undefined;
}

/** Worker threads in which ONNX Runtime computes; tasks wait in one queue, first come, first served. */
export interface WorkerPool {
  readonly workers: number;
  /** A matrix engine for code on this thread: operands are copied to a worker, the product comes back. */
  readonly linalg: MatrixEngine;
  /**
   * Runs an exported function of a module in a worker.
   *
   * @param module URL of the module
   * @param name name of the export, a `WorkerTask`
   * @param transfer buffers of the argument that move to the worker; they are empty here afterwards
   */
  call<Out>(module: URL, name: string, argument: unknown, transfer?: readonly ArrayBuffer[]): Promise<Out>;
  /**
   * Ends the workers after the tasks that run; waiting tasks fail.
   *
   * A worker is never ended while it computes: that would take down the whole process with ONNX Runtime.
   */
  close(): Promise<void>;
}

/** Left to itself, each worker's young heap grows to 48 MiB within some thirty blocks: memory that only depth would cost. */
const YOUNG_GENERATION_MEBIBYTES = 12;

/** Starts a pool. */
export const startWorkerPool = ({ workers, threads = 1, device = 'cpu', signal }: WorkerPoolOptions): WorkerPool => {
  const piscina = new Piscina<TaskCall, TaskOutcome>({
    filename: new URL('./worker-entry.js', import.meta.url).href,
    name: 'runTask',
    minThreads: workers,
    maxThreads: workers,
    idleTimeout: Infinity,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MEBIBYTES },
    recordTiming: false,
  });

  // No more calls are handed to piscina than run, so that closing knows which do.
  const limit = pLimit(workers);
  const pending = new Set<Promise<unknown>>();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const stopWork = (): void => void Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', stopWork, { once: true });
  if (signal?.aborted) stopWork();

  const throwIfStopped = (): void => {
    signal?.throwIfAborted();
    if (Atomics.load(stop, 0) !== 0) throw new StoppedError();
  };

  const run = async <Out>(module: URL, name: string, argument: unknown, transferList: ArrayBuffer[]): Promise<Out> => {
    throwIfStopped();
    const outcome = await piscina.run({ module: module.href, name, argument, threads, device, stop }, { transferList });
    if (!('error' in outcome)) return outcome.value as Out;
    // What failed by itself while the run was being aborted is told as what it is.
    if (outcome.error.code === STOPPED) signal?.throwIfAborted();
    throw new QuailoraError(outcome.error.code, outcome.error.message, { retryable: outcome.error.retryable });
  };

  const call = async <Out>(module: URL, name: string, argument: unknown, transfer: readonly ArrayBuffer[] = []): Promise<Out> => {
    const outcome = limit(() => run<Out>(module, name, argument, [...transfer]));
    pending.add(outcome);
    try {
      return await outcome;
    } finally {
      pending.delete(outcome);
    }
  };

  const multiply: MatrixEngine['multiply'] = async (A, B, options = {}) => {
    const copy = (a: Matrix): PlainMatrix => ({ ...toPlain(a), data: rowMajor(a).slice() });
    const argument: MultiplyArgument = { A: copy(A), B: copy(B), options };
    const transfer = buffersOf(argument.A.data, argument.B.data);
    return fromPlain(await call<PlainMatrix>(new URL('./multiply.task.js', import.meta.url), 'multiply', argument, transfer));
  };

  return {
    workers,
    linalg: { multiply },
    call,
    close: async () => {
      stopWork();
      signal?.removeEventListener('abort', stopWork);
      await Promise.allSettled(pending);
      await piscina.destroy();
    },
  };
};
