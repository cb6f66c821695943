import { open } from 'node:fs/promises';
import { writing } from '../foundation/index.js';
import type { WorkerTask } from '../runtime/index.js';
import { hashFile } from './hash-file.js';

/** Puts files on the disk for good and computes their SHA-256, in the order given; undefined for one that is not there. */
export const sealFiles: WorkerTask<readonly string[], (string | undefined)[]> = async (files, { throwIfStopped }) => {
  const hashes: (string | undefined)[] = [];
  for (const file of files) {
    throwIfStopped();
    const hash = await hashFile(file);
    if (hash !== undefined)
      await writing(file, async () => {
        const handle = await open(file);
        try {
          await handle.sync();
        } finally {
          await handle.close();
        }
      });
    hashes.push(hash);
  }
  return { value: hashes };
};
