import { stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FreeSpace } from '../planning/index.js';

/** The directory, or the nearest one above it that exists. */
const existing = async (directory: string): Promise<string> => {
  const found = await stat(directory).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
      throw error;
    },
  );
  return found || dirname(directory) === directory ? directory : existing(dirname(directory));
};

/**
 * Says how much room there is where a directory lies or will lie.
 *
 * @throws the file system's own error where that can't be asked
 */
export const freeSpace = async (directory: string): Promise<FreeSpace> => {
  const place = await existing(resolve(directory));
  const [{ dev }, { bavail, bsize }] = await Promise.all([stat(place), statfs(place)]);
  return { directory, device: dev, freeBytes: bavail * bsize };
};
