import { Piscina } from 'piscina';
import { fromPlain, QuailoraError, rowMajor, toPlain, type Matrix, type PlainMatrix } from '../foundation/index.js';
import type { MatrixEngine } from './matrix-engine.js';
import type { MultiplyArgument } from './multiply.task.js';
import { buffersOf, type TaskCall, type TaskOutcome } from './worker-task.js';

/** How a pool is made. */
export interface WorkerPoolOptions {
  /** Number of workers. */
  readonly workers: number;
  /** Threads inside one operator of each worker; 1 unless told. */
  readonly threads?: number;
  /** Ends every task when aborted. */
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
  /** Ends the workers; waiting and running tasks fail. */
  close(): Promise<void>;
}

/** Starts a pool. */
export const startWorkerPool = ({ workers, threads = 1, signal }: WorkerPoolOptions): WorkerPool => {
  const piscina = new Piscina<TaskCall, TaskOutcome>({
    filename: new URL('./worker-entry.js', import.meta.url).href,
    name: 'runTask',
    minThreads: workers,
    maxThreads: workers,
    idleTimeout: Infinity,
    recordTiming: false,
  });

  const call = async <Out>(module: URL, name: string, argument: unknown, transfer: readonly ArrayBuffer[] = []): Promise<Out> => {
    const outcome = await piscina.run(
      { module: module.href, name, argument, threads },
      { transferList: [...transfer], ...(signal ? { signal } : {}) },
    );
    if ('error' in outcome) throw new QuailoraError(outcome.error.code, outcome.error.message, { retryable: outcome.error.retryable });
    return outcome.value as Out;
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
    close: () => piscina.destroy(),
  };
};
