import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writing } from '../foundation/index.js';
import { listOutputFiles, type OutputState, type WrittenFile } from './output-state.js';

/** A card is there to be rewritten by a person, and so says nothing of the run. */
const isWatched = (file: string): boolean => basename(file) !== 'README.md' && !file.startsWith('report.json');

/** Length of a file; undefined for what is none. */
const bytesOf = (output: string, file: string): Promise<number | undefined> =>
  writing(output, async () => {
    const found = await stat(join(output, file));
    return found.isFile() ? found.size : undefined;
  });

/**
 * Lists what a run has written to its output, with the bytes of each file, for report.json; cards and the report left out.
 *
 * @throws FileWriteError when the system refuses to tell
 */
export const listWrittenFiles = async (output: string): Promise<WrittenFile[]> => {
  const files = await writing(output, () => listOutputFiles(output));
  const written: WrittenFile[] = [];
  for (const file of files.filter(isWatched)) {
    const bytes = await bytesOf(output, file);
    if (bytes !== undefined) written.push({ file, bytes });
  }
  return written;
};

/**
 * Says what of a finished run is gone or has another length than when the run ended; no file is read.
 *
 * @param least files that such a run writes at least, for a report that lists none
 * @returns a phrase for each file; nothing where all is there
 */
export const findDamage = async (output: string, { files, written = [] }: OutputState, least: readonly string[]): Promise<string[]> => {
  const there = new Set(files);
  const missing = [...new Set([...least, ...written.map(({ file }) => file)])].filter((file) => !there.has(file));
  const damage = missing.map((file) => `${file} is not there any more`);
  for (const { file, bytes } of written.filter(({ file }) => there.has(file))) {
    const now = await bytesOf(output, file);
    if (now !== bytes) damage.push(`${file} ${now === undefined ? 'is no file' : `has ${now} bytes`}, ${bytes} bytes were written`);
  }
  return damage;
};
