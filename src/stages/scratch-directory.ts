import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writing } from '../foundation/index.js';

/** A directory for files that a run removes at its end. */
export interface ScratchDirectory {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/**
 * Makes a scratch directory.
 *
 * @param parent directory to make it in; the system's temporary directory when left out
 * @throws FileWriteError
 */
export const makeScratchDirectory = async (parent = tmpdir()): Promise<ScratchDirectory> => {
  const path = await writing(parent, async () => {
    await mkdir(parent, { recursive: true });
    return mkdtemp(join(parent, '.quailora-scratch-'));
  });
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
};
