import type { MatrixEngine } from './matrix-engine.js';

/** What a task finds in its worker. */
export interface WorkerContext {
  /** Computes in this worker, on this thread. */
  readonly linalg: MatrixEngine;
  /** Threads inside one operator. */
  readonly threads: number;
}

/** What a task returns: a cloneable value, and the buffers in it that move instead of being copied. */
export interface TaskResult<Out> {
  readonly value: Out;
  readonly transfer?: readonly ArrayBuffer[];
}

/** A function that workers run, exported by a module of its own (`*.task.ts`). */
export type WorkerTask<In, Out> = (argument: In, context: WorkerContext) => Promise<TaskResult<Out>>;

/** Message to a worker. */
export interface TaskCall {
  readonly module: string;
  readonly name: string;
  readonly argument: unknown;
  readonly threads: number;
}

/** Message from a worker; errors of ours keep their code on the way. */
export type TaskOutcome = { readonly value: unknown } | { readonly error: { code: string; message: string; retryable: boolean } };

/**
 * Collects the distinct buffers of arrays, for `TaskResult.transfer`.
 *
 * Shared buffers are left out: they need no transfer.
 */
export const buffersOf = (...arrays: readonly ArrayBufferView[]): ArrayBuffer[] => [
  ...new Set(arrays.map(({ buffer }) => buffer).filter((buffer): buffer is ArrayBuffer => buffer instanceof ArrayBuffer)),
];
