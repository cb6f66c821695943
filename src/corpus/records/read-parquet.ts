import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { CorpusError } from '../errors.js';
import type { RawRecord } from './raw-record.js';

/** Fields of a record that a format reads, and those without which it can't. */
export interface NeededColumns {
  readonly fields: readonly string[];
  readonly required: readonly string[];
}

interface OpenParquet {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
}

const unreadable = (name: string, cause: unknown): CorpusError =>
  new CorpusError('QL_TEXT_READ', `${name} can't be read as Parquet (${String(cause)}). Fetch the file again.`, cause);

const open = async (path: string, name: string): Promise<OpenParquet> => {
  try {
    const file = await asyncBufferFromFile(path);
    return { file, metadata: await parquetMetadataAsync(file) };
  } catch (cause) {
    throw unreadable(name, cause);
  }
};

/** Names of the outermost columns. */
const columnNames = ({ schema }: FileMetaData): Set<string> => {
  const names = new Set<string>();
  for (let i = 1; i < schema.length;) {
    names.add(schema[i]!.name);
    for (let open = 1; open > 0 && i < schema.length; i++) open += (schema[i]!.num_children ?? 0) - 1;
  }
  return names;
};

/**
 * Reads the rows of a Parquet file, one row group at a time, as objects.
 *
 * @param columns outermost columns to read; all of them where one that is required is missing, so that messages can
 *   name them
 * @throws CorpusError QL_TEXT_READ for a file that is damaged, or compressed in a way that hyparquet-compressors lacks
 *
 * Memory: the columns of one row group, decoded.
 */
export async function* readParquet(
  path: string,
  name: string,
  columns: NeededColumns,
  signal?: AbortSignal,
): AsyncGenerator<RawRecord, void, undefined> {
  const { file, metadata } = await open(path, name);
  const present = columnNames(metadata);
  const wanted = columns.fields.filter((column) => present.has(column));
  const chosen = wanted.length > 0 && columns.required.every((column) => present.has(column)) ? { columns: wanted } : {};
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    signal?.throwIfAborted();
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd, ...chosen }).catch((cause: unknown) => {
      throw unreadable(`${name}, rows ${rowStart + 1} to ${rowEnd},`, cause);
    });
    for (const row of rows) yield { where: `${name}, row ${++rowStart}`, read: () => row };
  }
}

/**
 * Counts the rows of a Parquet file by its footer.
 *
 * @throws CorpusError QL_TEXT_READ
 */
export const countParquetRows = async (path: string, name: string): Promise<number> => Number((await open(path, name)).metadata.num_rows);
