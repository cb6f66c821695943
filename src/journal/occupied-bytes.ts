import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OUTPUT_NAMES } from './output-state.js';
import { WORK_DIRECTORY } from './work-directory.js';

/** Failures of a file that was removed meanwhile, or never was. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    (found) => (found.isFile() ? found.size : 0),
    (error: unknown) => {
      if (isGone(error)) return 0;
      throw error;
    },
  );

const below = (directory: string): Promise<string[]> =>
  readdir(directory, { recursive: true }).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });

/** Bytes of a file, or of all files below a directory; none of what is not there. */
export const bytesBelow = async (place: string): Promise<number> => {
  const files = [place, ...(await below(place)).map((file) => join(place, file))];
  const sizes = await Promise.all(files.map(sizeOf));
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** Bytes that quailora's own files in an output directory take: a run that goes on has written them, one that starts over removes them. */
export const occupiedBytes = async (output: string): Promise<number> => {
  const places = [...OUTPUT_NAMES, WORK_DIRECTORY].map((name) => join(output, name));
  const sizes = await Promise.all(places.map(bytesBelow));
  return sizes.reduce((sum, size) => sum + size, 0);
};
