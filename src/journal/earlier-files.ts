import { resolve, sep } from 'node:path';
import { earlierScratch } from './claim-output.js';
import { bytesBelow, occupiedBytes } from './occupied-bytes.js';

/** Files of quailora's own in one place. */
export interface EarlierFiles {
  readonly directory: string;
  readonly bytes: number;
}

/**
 * Finds what an earlier attempt left in an output directory, and in the scratch directory that it had elsewhere.
 *
 * A run that goes on takes these files over, one that starts over removes them: either way their bytes are not needed again.
 *
 * @throws JournalError QL_JOURNAL_READ
 */
export const earlierFiles = async (output: string): Promise<EarlierFiles[]> => {
  const scratch = await earlierScratch(output);
  const own = { directory: output, bytes: await occupiedBytes(output) };
  if (scratch === undefined || scratch.startsWith(resolve(output) + sep)) return [own];
  return [own, { directory: scratch, bytes: await bytesBelow(scratch) }];
};
