import type { WorkerPool } from '../runtime/index.js';

const TASK = new URL('./seal-files.task.js', import.meta.url);

/**
 * Puts files on the disk for good (fsync), in the workers, and computes their SHA-256.
 *
 * @returns hexadecimal, in the order of the files; undefined for one that is not there
 * @throws FileWriteError; JournalError QL_JOURNAL_READ
 */
export const sealFiles = async (pool: WorkerPool, files: readonly string[]): Promise<(string | undefined)[]> => {
  const share = Math.ceil(files.length / pool.workers);
  const shares = Array.from({ length: pool.workers }, (_, worker) => files.slice(worker * share, (worker + 1) * share));
  const hashes = shares.map((part) => (part.length > 0 ? pool.call<(string | undefined)[]>(TASK, 'sealFiles', part) : Promise.resolve([])));
  return (await Promise.all(hashes)).flat();
};
