import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Lies in an output directory while a run writes to it. */
export const UNFINISHED_MARKER = '.quailora-unfinished';

/** Names in an output directory that belong to quailora; everything else is the user's. */
export const OUTPUT_NAMES = ['adapter', 'base', 'experts', 'statistics', 'report.json', 'report.json.partial', UNFINISHED_MARKER] as const;

/** What lies in an output directory. */
export interface OutputState {
  /** `absent`: no such directory. `foreign`: not empty, and no run of quailora ever wrote to it. */
  readonly kind: 'absent' | 'empty' | 'foreign' | 'unfinished' | 'finished';
  /** Files that quailora wrote, relative to the directory, sorted; the marker is not one of them. */
  readonly files: readonly string[];
}

const isOurReport = async (path: string): Promise<boolean> => {
  try {
    const report: unknown = JSON.parse(await readFile(path, 'utf8'));
    const versions = typeof report === 'object' && report !== null && 'versions' in report ? report.versions : undefined;
    return typeof versions === 'object' && versions !== null && 'quailora' in versions;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
};

/**
 * Looks at an output directory without changing it.
 *
 * @throws what the file system throws, but for a directory that does not exist
 */
export const outputState = async (directory: string): Promise<OutputState> => {
  const names = await readdir(directory).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!names) return { kind: 'absent', files: [] };
  if (names.length === 0) return { kind: 'empty', files: [] };
  const unfinished = names.includes(UNFINISHED_MARKER);
  if (!unfinished && !(names.includes('report.json') && (await isOurReport(join(directory, 'report.json')))))
    return { kind: 'foreign', files: [] };
  const files: string[] = [];
  for (const name of names) {
    if (name === 'adapter' || name === 'base' || name === 'experts' || name === 'statistics')
      files.push(...(await readdir(join(directory, name), { recursive: true })).map((file) => join(name, file)));
    else if (name === 'report.json' || name === 'report.json.partial') files.push(name);
  }
  return { kind: unfinished ? 'unfinished' : 'finished', files: files.sort() };
};
