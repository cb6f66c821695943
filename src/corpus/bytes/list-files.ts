import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { CorpusError } from '../errors.js';
import { namedFileType, type FileType, type TextFile } from './text-file.js';

/** What stands for standard input. */
export const STDIN = '-';

const asFile = (path: string, type: FileType | undefined): TextFile => {
  const named = namedFileType(path);
  const chosen = type ?? named.type;
  if (chosen === undefined)
    throw new CorpusError(
      'QL_TEXT_FORMAT',
      `${path}: the format is not known by its name. Text comes as .txt, .jsonl, .json, .csv, .tsv or .parquet, each also .gz or .zst; rename or convert the file, or say what it is with --file-type.`,
    );
  return { path, name: basename(path), type: chosen, compression: named.compression };
};

const checkFile = async (path: string): Promise<void> => {
  const found = await stat(path).catch((cause: unknown) => {
    throw new CorpusError('QL_TEXT_MISSING', `${path}: the file can't be found or read (${String(cause)}).`, cause);
  });
  if (found.isDirectory())
    throw new CorpusError('QL_TEXT_MISSING', `${path} is not a file but a directory. Give a file, or a pattern like '${path}/*.parquet'.`);
  if (!found.isFile()) throw new CorpusError('QL_TEXT_MISSING', `${path} is not a file. Give a file, or - to read standard input.`);
  if (found.size === 0) throw new CorpusError('QL_TEXT_EMPTY', `${path} is empty (0 bytes). Give a file with text.`);
};

/** Files that a pattern names, sorted by code unit, so that the order is the same on every machine. */
const expand = async (source: string): Promise<string[]> => {
  if (!isDynamicPattern(source) || (await stat(source).catch(() => undefined))) return [source];
  const found = (await glob(source, { onlyFiles: true, expandDirectories: false })).sort();
  if (found.length) return found;
  throw new CorpusError(
    'QL_TEXT_MISSING',
    `${source}: no file fits this pattern (looked in ${dirname(source.split(/[*?[{(!]/)[0]! + 'x')}).`,
  );
};

/**
 * Lists the files of a source: one file, those that a glob pattern names (sorted), or standard input for `-`.
 *
 * @param type of every file, in place of what its name says
 * @throws CorpusError QL_TEXT_MISSING, QL_TEXT_EMPTY (0 bytes) or QL_TEXT_FORMAT; retrying does not help
 */
export const listFiles = async (source: string, type?: FileType): Promise<TextFile[]> => {
  if (source === STDIN) return [{ path: undefined, name: 'standard input', type, compression: undefined }];
  const files = (await expand(source)).map((path) => asFile(path, type));
  for (const { path } of files) await checkFile(path!);
  return files;
};
