import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { JournalError } from './record-file.js';

const CHUNK_BYTES = 4 << 20;

/**
 * Computes the SHA-256 of a file, hexadecimal, a few MiB at a time.
 *
 * @returns undefined where there is no such file
 * @throws JournalError QL_JOURNAL_READ when the system refuses
 */
export const hashFile = async (path: string): Promise<string | undefined> => {
  const hash = createHash('sha256');
  try {
    const handle = await open(path);
    try {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES);
        if (bytesRead === 0) return hash.digest('hex');
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new JournalError('QL_JOURNAL_READ', `${path} can't be read (${String(cause)}). Check its permissions and the disk.`, {
      cause,
      retryable: true,
    });
  }
};
