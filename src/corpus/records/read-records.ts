import { openBytes, type ReadOptions } from '../bytes/open-bytes.js';
import { peek, type Peeked } from '../bytes/peek.js';
import { spool } from '../bytes/spool.js';
import type { FileType, TextFile } from '../bytes/text-file.js';
import { CorpusError } from '../errors.js';
import { decodeText, MAX_TEXT_BYTES, textTooLong } from './decode-text.js';
import type { RawRecord } from './raw-record.js';
import { readCsv } from './read-csv.js';
import { readJsonArray } from './read-json-array.js';
import { readJsonLines } from './read-json-lines.js';
import { countParquetRows, readParquet, type NeededColumns } from './read-parquet.js';

/** Bytes of standard input that are looked at to tell what it holds. */
const PEEKED_BYTES = 4096;

/** First byte that is neither white space nor of a byte order mark, as a character; '' where there is none. */
const firstCharacter = (head: Uint8Array): string => new TextDecoder().decode(head.subarray(0, PEEKED_BYTES)).trimStart().slice(0, 1);

const detectType = (head: Uint8Array): FileType => {
  if (new TextDecoder('latin1').decode(head.subarray(0, 4)) === 'PAR1') return 'parquet';
  return ['{', '['].includes(firstCharacter(head)) ? 'json' : 'txt';
};

async function* readWhole({ chunks }: Peeked, name: string): AsyncGenerator<RawRecord, void, undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    pieces.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_TEXT_BYTES) throw textTooLong(name);
  }
  yield { where: name, read: () => decodeText(Buffer.concat(pieces), name).replace(/\r\n?/g, '\n') };
}

async function* readSpooled(
  { chunks }: Peeked,
  name: string,
  columns: NeededColumns,
  signal: AbortSignal | undefined,
): AsyncGenerator<RawRecord, void, undefined> {
  const { path, remove } = await spool(chunks);
  try {
    yield* readParquet(path, name, columns, signal);
  } finally {
    await remove();
  }
}

/** A file whose type is known, and its records. */
export interface TypedRecords {
  readonly type: FileType;
  /** A text file is one record, whose value is the text, its line ends "\n". */
  readonly records: AsyncGenerator<RawRecord, void, undefined>;
}

/**
 * Opens the records of a file as a stream.
 *
 * A .json file is a list, or else read as JSON lines. A Parquet file that is compressed as a whole, or comes from
 * standard input, goes through a file in the system's temporary directory. Standard input without a type is Parquet by
 * its first bytes, JSON where it begins with { or [, or else one text.
 *
 * @param columns only Parquet looks at them
 * @throws CorpusError of the file's reader
 */
export const openRecords = async (file: TextFile, columns: NeededColumns, options: ReadOptions): Promise<TypedRecords> => {
  const { path, name, compression } = file;
  if (file.type === 'parquet' && path !== undefined && compression === undefined)
    return { type: 'parquet', records: readParquet(path, name, columns, options.signal) };
  const peeked = await peek(openBytes(file, options), PEEKED_BYTES);
  if (path === undefined && peeked.head.length === 0)
    throw new CorpusError('QL_TEXT_EMPTY', 'Standard input is empty. Pipe a text or records into the command.');
  const type = file.type ?? detectType(peeked.head);
  const { chunks } = peeked;
  switch (type) {
    case 'txt':
      return { type, records: readWhole(peeked, name) };
    case 'csv':
    case 'tsv':
      return { type, records: readCsv(chunks, name, type === 'csv' ? ',' : '\t') };
    case 'jsonl':
      return { type, records: readJsonLines(chunks, name) };
    case 'json': {
      const isList = firstCharacter(peeked.head) === '[';
      const shape = 'JSON comes as one list of objects, or as one object a line.';
      return { type, records: isList ? readJsonArray(chunks, name) : readJsonLines(chunks, name, shape) };
    }
    case 'parquet':
      return { type, records: readSpooled(peeked, name, columns, options.signal) };
  }
};

/**
 * Counts the records of a file without parsing them.
 *
 * @throws CorpusError of the file's reader
 */
export const countRecords = async (file: TextFile, options: ReadOptions): Promise<number> => {
  if (file.type === 'parquet' && file.path !== undefined && file.compression === undefined) return countParquetRows(file.path, file.name);
  const { records } = await openRecords(file, { fields: [], required: [] }, options);
  let count = 0;
  while (!(await records.next()).done) count++;
  return count;
};
