import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QuailoraError, writing } from '../foundation/index.js';
import { OUTPUT_NAMES, outputState, UNFINISHED_MARKER } from './output-state.js';

/**
 * Thrown when an output directory may not be written to; retrying does not help.
 *
 * Codes: `QL_OUTPUT_NOT_EMPTY` (it holds files that are not quailora's), `QL_OUTPUT_EXISTS` (it holds a finished or an
 * unfinished run).
 */
export class OutputClaimError extends QuailoraError {}

/** The right to write to an output directory, held for one run. */
export interface OutputClaim {
  /** Ends the run: the directory counts as finished. Call it after report.json is written. */
  finish(): Promise<void>;
  /** Gives up: a directory to which nothing was written is left as it was found, any other stays marked as unfinished. */
  abandon(): Promise<void>;
}

const EXPLANATION = 'A run of quailora is writing to this directory, or was stopped before it ended.\n';

const markUnfinished = (directory: string): Promise<void> =>
  writing(directory, async () => {
    try {
      await writeFile(join(directory, UNFINISHED_MARKER), EXPLANATION, { flag: 'wx' });
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
      throw new OutputClaimError(
        'QL_OUTPUT_EXISTS',
        `${directory} was claimed by another run of quailora a moment ago. Choose another one.`,
        {
          cause,
        },
      );
    }
  });

const removeEarlierRun = (directory: string): Promise<void> =>
  writing(directory, async () => {
    await writeFile(join(directory, UNFINISHED_MARKER), EXPLANATION);
    for (const name of OUTPUT_NAMES) if (name !== UNFINISHED_MARKER) await rm(join(directory, name), { recursive: true, force: true });
  });

const abandon = async (directory: string, existed: boolean): Promise<void> => {
  if ((await outputState(directory)).files.length > 0) return;
  await writing(directory, async () => {
    for (const name of OUTPUT_NAMES) await rm(join(directory, name), { recursive: true, force: true });
    if (!existed) await rmdir(directory);
  });
};

/**
 * Takes an output directory for one run, and marks it as unfinished until the run ends.
 *
 * @param options.overwrite remove the files of an earlier run; other files are never touched
 * @throws OutputClaimError QL_OUTPUT_NOT_EMPTY or QL_OUTPUT_EXISTS
 * @throws FileWriteError QL_UNWRITABLE, QL_DISK_FULL or QL_IO
 */
export const claimOutput = async (directory: string, options: { readonly overwrite: boolean }): Promise<OutputClaim> => {
  const { kind } = await writing(directory, () => outputState(directory));
  if (kind === 'foreign')
    throw new OutputClaimError(
      'QL_OUTPUT_NOT_EMPTY',
      `${directory} is not empty, and what is in it was not written by quailora. Choose a new or an empty directory.`,
    );
  if ((kind === 'finished' || kind === 'unfinished') && !options.overwrite)
    throw new OutputClaimError(
      'QL_OUTPUT_EXISTS',
      `${directory} holds ${kind === 'finished' ? 'a finished' : 'an unfinished'} run of quailora. Choose another directory, or replace it with --overwrite.`,
    );
  if (kind === 'finished' || kind === 'unfinished') await removeEarlierRun(directory);
  else {
    await writing(directory, () => mkdir(directory, { recursive: true }));
    await markUnfinished(directory);
  }
  return {
    finish: () => writing(directory, () => rm(join(directory, UNFINISHED_MARKER), { force: true })),
    abandon: () => abandon(directory, kind !== 'absent'),
  };
};
