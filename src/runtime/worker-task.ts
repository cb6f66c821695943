import { QuailoraError } from '../foundation/index.js';
import type { Device } from './device.js';
import type { MatrixEngine } from './matrix-engine.js';

/** What a task finds in its worker. */
export interface WorkerContext {
  /** Computes in this worker, on this thread. */
  readonly linalg: MatrixEngine;
  /** Threads inside one operator. */
  readonly threads: number;
  /**
   * Ends the task when the pool is to end; long tasks call it between their steps, `linalg` before each product.
   *
   * @throws StoppedError
   */
  readonly throwIfStopped: () => void;
  /** Lets something large stay in this worker for the next call, until a task makes room; takes the place of what stayed before. */
  readonly stay: (dispose: () => Promise<void>) => void;
  /** Disposes of what stayed in this worker; tasks that hold much themselves begin with it. */
  readonly makeRoom: () => Promise<void>;
}

/** Code of a `StoppedError`, which comes from a worker as a code and a message. */
export const STOPPED = 'QL_STOPPED';

/** Thrown by a task whose pool was closed, or whose run was aborted. */
export class StoppedError extends QuailoraError {
  constructor() {
    super(STOPPED, 'The workers were stopped before this task was done.', { retryable: true });
  }
}

/** What a task returns: a cloneable value, and the buffers in it that move instead of being copied. */
export interface TaskResult<Out> {
  readonly value: Out;
  readonly transfer?: readonly ArrayBuffer[];
  /** Bytes of arrays that the task let go, which are collected when it has returned. */
  readonly letGoBytes?: number;
}

/** A function that workers run, exported by a module of its own (`*.task.ts`). */
export type WorkerTask<In, Out> = (argument: In, context: WorkerContext) => Promise<TaskResult<Out>>;

/** Message to a worker. */
export interface TaskCall {
  readonly module: string;
  readonly name: string;
  readonly argument: unknown;
  readonly threads: number;
  readonly device: Device;
  /** Shared; not 0 once the pool is to end. */
  readonly stop: Int32Array;
}

/** Message from a worker; errors of ours keep their code on the way. */
export type TaskOutcome = { readonly value: unknown } | { readonly error: { code: string; message: string; retryable: boolean } };

/**
 * Collects the distinct buffers of arrays, for `TaskResult.transfer`.
 *
 * Shared buffers are left out: they need no transfer. So is the buffer of an array that covers only a part of it: the
 * rest is somebody else's (Node's pool of small buffers, which can't be transferred), and the array is cloned.
 */
export const buffersOf = (...arrays: readonly ArrayBufferView[]): ArrayBuffer[] => [
  ...new Set(
    arrays
      .filter(({ buffer, byteLength }) => byteLength === buffer.byteLength)
      .map(({ buffer }) => buffer)
      .filter((buffer): buffer is ArrayBuffer => buffer instanceof ArrayBuffer),
  ),
];
