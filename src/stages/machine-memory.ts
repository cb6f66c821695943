import { totalmem } from 'node:os';

/** Bytes of memory that this process may use: the machine's, or its container's where that has less. */
export const machineMemory = (): number => {
  // 0 where nothing limits it, and a number beyond every machine where the limit is "max".
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};
