import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Arrays that were let go are worth a collection from here on; one takes some milliseconds. */
const WORTH_BYTES = 64 << 20;

let collect: (() => void) | undefined;

const exposedCollector = (): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
};

/**
 * Gives the memory of large arrays that this thread holds no longer back to the system, now.
 *
 * V8 looks at them only when it allocates again, so that each thread would keep a weight matrix or two for nothing.
 *
 * @param bytes of the arrays that were let go; below 64 MiB nothing is done
 */
export const collectGarbage = (bytes: number): void => {
  if (bytes < WORTH_BYTES) return;
  collect ??= exposedCollector();
  collect();
};
