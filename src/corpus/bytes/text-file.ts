/** How a file holds its texts. */
export type FileType = 'txt' | 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet';

/** How a file is compressed. */
export type Compression = 'gz' | 'zst';

/** One file to read texts from, by its name; standard input has neither path nor, before it is looked at, a type. */
export interface TextFile {
  /** Undefined for standard input. */
  readonly path: string | undefined;
  /** As messages name it. */
  readonly name: string;
  /** Undefined: told by the first bytes. */
  readonly type: FileType | undefined;
  /** Undefined: none; for standard input, told by the first bytes. */
  readonly compression: Compression | undefined;
}

/** File types by the ending of a name, without `.gz` or `.zst`. */
const TYPES: Readonly<Record<string, FileType>> = {
  '.txt': 'txt',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.parquet': 'parquet',
};

/** Names of the file types, for options and messages. */
export const FILE_TYPES = ['txt', 'jsonl', 'json', 'csv', 'tsv', 'parquet'] as const satisfies readonly FileType[];

/** Tells type and compression by the ending of a name; undefined where it does not tell. */
export const namedFileType = (name: string): Pick<TextFile, 'type' | 'compression'> => {
  const lower = name.toLowerCase();
  const compression = lower.endsWith('.gz') ? 'gz' : lower.endsWith('.zst') ? 'zst' : undefined;
  const plain = compression ? lower.slice(0, -compression.length - 1) : lower;
  const ending = Object.keys(TYPES).find((known) => plain.endsWith(known));
  return { type: ending === undefined ? undefined : TYPES[ending], compression };
};
