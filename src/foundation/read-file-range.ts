import type { FileHandle } from 'node:fs/promises';

/** Most bytes asked for at once; the system call takes no more than 2³¹ − 1. */
const MAX_READ_BYTES = 1 << 30;

/**
 * Fills `target` with the bytes of an open file from `position` on.
 *
 * @returns bytes read: less than the target holds only where the file ends
 * @throws the error of the system call
 */
export const readFileRange = async (file: FileHandle, target: Uint8Array, position: number): Promise<number> => {
  let done = 0;
  while (done < target.byteLength) {
    const { bytesRead } = await file.read(target, done, Math.min(target.byteLength - done, MAX_READ_BYTES), position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
};
