import { threadId } from 'node:worker_threads';
import { matrix, QuailoraError } from '../../src/foundation/index.js';
import { buffersOf, type WorkerTask } from '../../src/runtime/index.js';

/** Doubles numbers in place and sends the same buffer back. */
export const double: WorkerTask<Float32Array, { doubled: Float32Array; thread: number }> = async (values) => {
  for (let i = 0; i < values.length; i++) values[i]! *= 2;
  return { value: { doubled: values, thread: threadId }, transfer: buffersOf(values) };
};

/** Fails with an error of ours. */
export const fail: WorkerTask<string, never> = async (message) => {
  throw new QuailoraError('QL_TEST', message, { retryable: true });
};

/** Fails with an error nobody foresaw. */
export const crash: WorkerTask<string, never> = async (message) => {
  throw new TypeError(message);
};

/** Holds its thread until another worker holds its own, or a while has passed. */
export const meet: WorkerTask<{ readonly met: Int32Array; readonly workers: number }, boolean> = async ({ met, workers }) => {
  Atomics.add(met, 0, 1);
  Atomics.notify(met, 0);
  const deadline = Date.now() + 20_000;
  while (Atomics.load(met, 0) < workers && Date.now() < deadline) Atomics.wait(met, 0, Atomics.load(met, 0), 50);
  return { value: Atomics.load(met, 0) >= workers };
};

/** Multiplies until it is stopped. */
export const multiplyForever: WorkerTask<Int32Array, never> = async (started, { linalg }) => {
  const A = matrix(500, 500);
  for (;;) {
    await linalg.multiply(A, A);
    Atomics.store(started, 0, 1);
  }
};

/** Works until it is told to fail, with an error of ours. */
export const failWhenTold: WorkerTask<Int32Array, never> = async (state) => {
  Atomics.store(state, 0, 1);
  while (Atomics.load(state, 0) === 1) Atomics.wait(state, 0, 1, 50);
  throw new QuailoraError('QL_TEST', 'by itself');
};

/** Says how many threads an operator may use. */
export const threadsOf: WorkerTask<undefined, number> = async (_, { threads }) => ({ value: threads });
