import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunFingerprint } from './run-fingerprint.js';
import { JOURNAL_FILE, REMOVED_DIRECTORY, WORK_DIRECTORY } from './work-directory.js';

const OUTPUT_DIRECTORIES = ['adapter', 'base', 'experts', 'statistics'] as const;

/** Names in an output directory that belong to quailora, the work directory apart; everything else is the user's. */
export const OUTPUT_NAMES = [...OUTPUT_DIRECTORIES, 'report.json', 'report.json.partial', REMOVED_DIRECTORY] as const;

/** A file of a finished run. */
export interface WrittenFile {
  /** Relative to the output directory. */
  readonly file: string;
  readonly bytes: number;
}

/** What lies in an output directory. */
export interface OutputState {
  /** `absent`: no such directory. `foreign`: not empty, and no run of quailora ever wrote to it. */
  readonly kind: 'absent' | 'empty' | 'foreign' | 'unfinished' | 'finished';
  /** Files that quailora wrote, relative to the directory, sorted; those in the work directory left out. */
  readonly files: readonly string[];
  /** Of a finished run, what its report says it was made from. */
  readonly fingerprint?: RunFingerprint;
  /** Of a finished run, the files that its report lists; left out where it lists none. */
  readonly written?: readonly WrittenFile[];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** The report of a run of quailora; undefined where the file is something else. */
const ourReport = async (path: string): Promise<Record<string, unknown> | undefined> => {
  try {
    const report: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(report) && isRecord(report['versions']) && 'quailora' in report['versions'] ? report : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

const isWrittenFile = (value: unknown): value is WrittenFile =>
  isRecord(value) && typeof value['file'] === 'string' && typeof value['bytes'] === 'number';

/** What a report says of its run, as far as it can be read. */
const saidOf = ({ fingerprint, files }: Record<string, unknown>): Pick<OutputState, 'fingerprint' | 'written'> => ({
  ...(isRecord(fingerprint) && { fingerprint: fingerprint as RunFingerprint }),
  ...(Array.isArray(files) && { written: files.filter(isWrittenFile) }),
});

/** A link counts, wherever it leads: it has that name. */
const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
      throw error;
    },
  );

/** Lists what lies below quailora's names in an output directory, relative to it and sorted; the work directory left out. */
export const listOutputFiles = async (directory: string): Promise<string[]> => {
  const names = await readdir(directory);
  const files: string[] = [];
  for (const name of names) {
    if (OUTPUT_DIRECTORIES.some((directory) => directory === name))
      files.push(...(await readdir(join(directory, name), { recursive: true })).map((file) => join(name, file)));
    else if (name === 'report.json' || name === 'report.json.partial') files.push(name);
  }
  return files.sort();
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
  if (await exists(join(directory, WORK_DIRECTORY, JOURNAL_FILE))) return { kind: 'unfinished', files: await listOutputFiles(directory) };
  const report = names.includes('report.json') ? await ourReport(join(directory, 'report.json')) : undefined;
  if (report) return { kind: 'finished', files: await listOutputFiles(directory), ...saidOf(report) };
  // A run that was killed while it took the directory, or gave it back, leaves no more than these.
  const others = names.filter((name) => name !== WORK_DIRECTORY && name !== REMOVED_DIRECTORY);
  return { kind: others.length === 0 ? 'empty' : 'foreign', files: [] };
};
