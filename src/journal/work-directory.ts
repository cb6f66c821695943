import { resolve } from 'node:path';

/** Name of the directory in an output that holds what a run has finished, until the run is done. */
export const WORK_DIRECTORY = '.quailora';

/** What the work directory is called while it is removed: without its name, the output counts as finished. */
export const REMOVED_DIRECTORY = '.quailora-removed';

/** Record in the work directory that says which run this is; an output with it is unfinished. */
export const JOURNAL_FILE = 'journal.json';

/** Record of the source's hashes, for a check by the next attempt. */
export const SOURCE_HASHES_FILE = 'weights.json';

/** Absolute path of the work directory of an output: it is kept in records. */
export const workDirectoryOf = (output: string): string => resolve(output, WORK_DIRECTORY);
