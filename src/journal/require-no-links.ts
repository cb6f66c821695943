import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writing } from '../foundation/index.js';
import { OutputClaimError } from './output-claim-error.js';
import { OUTPUT_NAMES } from './output-state.js';
import { WORK_DIRECTORY } from './work-directory.js';

const OURS = [...OUTPUT_NAMES, WORK_DIRECTORY] as const;

const isNothing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** The first link at a path, or below it where told; undefined where there is none, or nothing at all. */
const findLink = async (path: string, below: boolean): Promise<string | undefined> => {
  const there = await lstat(path).catch((error: unknown) => {
    if (isNothing(error)) return undefined;
    throw error;
  });
  if (there?.isSymbolicLink()) return path;
  if (!below || !there?.isDirectory()) return undefined;
  const link = (await readdir(path, { recursive: true, withFileTypes: true })).find((entry) => entry.isSymbolicLink());
  return link && join(link.parentPath, link.name);
};

/**
 * Refuses an output in which a link lies under one of quailora's names: what is written or removed there would lie elsewhere. The
 * output itself may be a link.
 *
 * @param where everywhere, for which no other run may be at work, or only whether the work directory is one
 * @throws OutputClaimError QL_OUTPUT_LINK; FileWriteError where the system refuses to tell
 */
export const requireNoLinks = async (output: string, where: 'everywhere' | 'work directory'): Promise<void> => {
  for (const name of where === 'everywhere' ? OURS : [WORK_DIRECTORY]) {
    const link = await writing(output, () => findLink(join(output, name), where === 'everywhere'));
    if (link === undefined) continue;
    const target = await writing(output, () => readlink(link));
    throw new OutputClaimError(
      'QL_OUTPUT_LINK',
      `${link} is a link (to ${target}), and nothing is written or removed through links inside of an output. Put the files themselves there, or choose another directory.`,
    );
  }
};
