import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writing } from '../foundation/index.js';
import { OutputClaimError } from './output-claim-error.js';
import { lockOutput } from './output-lock.js';
import { requireNoLinks } from './require-no-links.js';
import { REMOVED_DIRECTORY, WORK_DIRECTORY, workDirectoryOf } from './work-directory.js';

/** Removes a directory; one that is gone, or into which another run has put its lock meanwhile, is left to itself. */
export const removeIfEmpty = async (directory: string): Promise<void> => {
  await rmdir(directory).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  });
};

/**
 * Removes the former work directory of a run that was killed between its last rename and its end.
 *
 * @throws FileWriteError
 */
export const removeFormerWork = (output: string): Promise<void> =>
  writing(output, () => rm(join(output, REMOVED_DIRECTORY), { recursive: true, force: true }));

/**
 * Removes from beside a finished run what killed processes left: its own former work directory, and the one that a process made which
 * was about to start over. That of a process of which can't be seen whether it runs is left.
 *
 * @throws OutputClaimError QL_OUTPUT_BUSY where a process is starting over now, QL_OUTPUT_LINK; FileWriteError
 */
export const removeLeftOver = async (output: string): Promise<void> => {
  await removeFormerWork(output);
  if (!(await writing(output, () => readdir(output))).includes(WORK_DIRECTORY)) return;
  await requireNoLinks(output, 'work directory');
  const work = workDirectoryOf(output);
  try {
    // Taking the lock removes those of processes that are no more.
    await (await lockOutput(output, work)).release();
  } catch (error) {
    // A run that may not be running any more, seen from another machine, does not make a finished one unfinished.
    if (error instanceof OutputClaimError && error.holder === 'unknown') return;
    throw error;
  }
  await writing(work, () => removeIfEmpty(work));
};
