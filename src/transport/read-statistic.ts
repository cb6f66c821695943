import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { readFileRange } from '../foundation/index.js';
import { gramPanels } from '../graph/index.js';
import { FlatTable } from './flat-table.js';
import { BATCH_VALUES, StatisticFileError, UPPER_COLUMN, upperRows, type KeptStatistic, type StatisticMeaning } from './statistic-file.js';

/** A footer names some thousand batches and modules at most; a longer one is damage, and must not be allocated. */
const MOST_FOOTER_BYTES = 16 * 1024 * 1024;

/** What describes one record batch of one column takes some hundred bytes. */
const MOST_BATCH_HEADER_BYTES = 64 * 1024;

const MAGIC = 'ARROW1';

// Positions in Arrow's flatbuffers (format/File.fbs, Schema.fbs, Message.fbs) and the values that are allowed there.
const FOOTER = { schema: 1, dictionaries: 2, recordBatches: 3 } as const;
const BLOCK = { bytes: 24, metadataLength: 8, bodyLength: 16 } as const;
const SCHEMA = { endianness: 0, fields: 1, customMetadata: 2 } as const;
const FIELD = { name: 0, nullable: 1, typeType: 2, type: 3, dictionary: 4, children: 5 } as const;
const KEY_VALUE = { key: 0, value: 1 } as const;
const MESSAGE = { headerType: 1, header: 2 } as const;
const RECORD_BATCH = { length: 0, buffers: 2, compression: 3 } as const;
const BUFFER = { bytes: 16, length: 8 } as const;
const FLOATING_POINT = 3;
const SINGLE_PRECISION = 1;
const RECORD_BATCH_HEADER = 3;

/** Where the values of one record batch lie in the file. */
interface BatchValues {
  readonly position: number;
  readonly count: number;
}

const damaged = (path: string, what: string, cause?: unknown): StatisticFileError =>
  new StatisticFileError(path, `${what}. The file was cut or damaged.`, cause);

const shown = (text: string | undefined): string => JSON.stringify(text ?? '').slice(0, 80);

const readExactly = async (handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  const read = await readFileRange(handle, bytes, position);
  if (read < bytes.byteLength) throw new RangeError(`it ends after ${position + read} bytes`);
};

const readTable = async (handle: FileHandle, length: number, position: number): Promise<FlatTable> => {
  const bytes = new Uint8Array(length);
  await readExactly(handle, bytes, position);
  return FlatTable.root(new DataView(bytes.buffer));
};

/** Reads the footer, whose length is believed within limits only. */
const readFooter = async (path: string, handle: FileHandle, size: number): Promise<FlatTable> => {
  const [head, tail] = [Buffer.alloc(MAGIC.length), Buffer.alloc(4 + MAGIC.length)];
  if (size > 2 * tail.length) {
    await readExactly(handle, head, 0);
    await readExactly(handle, tail, size - tail.length);
  }
  if (head.toString('latin1') !== MAGIC)
    throw new StatisticFileError(path, `its ${size} bytes are no Arrow IPC file. It was cut or is something else.`);
  const length = tail.readInt32LE(0);
  if (tail.toString('latin1', 4) !== MAGIC || length < 0 || length > Math.min(size - 2 * tail.length, MOST_FOOTER_BYTES))
    throw damaged(path, `its ${size} bytes do not end as an Arrow IPC file does`);
  return readTable(handle, length, size - tail.length - length);
};

const checkColumns = (path: string, schema: FlatTable): void => {
  const [field, more] = schema.tables(SCHEMA.fields);
  const plain =
    field?.byte(FIELD.typeType) === FLOATING_POINT &&
    field.table(FIELD.type)?.short(0) === SINGLE_PRECISION &&
    field.byte(FIELD.nullable) === 0 &&
    !field.table(FIELD.dictionary) &&
    field.tables(FIELD.children).length === 0;
  if (!plain || more || field.text(FIELD.name) !== UPPER_COLUMN || schema.short(SCHEMA.endianness) !== 0)
    throw damaged(path, `it does not hold one column "${UPPER_COLUMN}" of float32 without nulls`);
};

/** Reads the meaning, or says why there is none. */
const meaningOf = (path: string, schema: FlatTable): StatisticMeaning => {
  const pairs = schema.tables(SCHEMA.customMetadata).map((pair) => [pair.text(KEY_VALUE.key), pair.text(KEY_VALUE.value)] as const);
  const metadata = new Map(pairs);
  const text = (name: string): string => metadata.get(name) ?? '';
  if (text('quailora') !== 'statistic')
    throw new StatisticFileError(path, 'this is Arrow data, but no statistic of quailora: its schema metadata does not say so.');
  checkColumns(path, schema);
  const count = (name: string, least: number): number => {
    const value = /^\d{1,15}$/.test(text(name)) ? Number(text(name)) : -1;
    if (value < least) throw damaged(path, `its metadata "${name}" is ${shown(text(name))}`);
    return value;
  };
  const [kind, split] = [text('kind'), text('split')];
  if ((kind !== 'H' && kind !== 'G') || (split !== 'calibration' && split !== 'heldOut'))
    throw damaged(path, `kind ${shown(kind)} and split ${shown(split)} are not both known`);
  const quantizer = metadata.get('quantizer');
  return {
    ...{ block: count('block', 0), input: text('input'), split, kind, n: count('n', 1), tokens: count('tokens', 0) },
    modules: text('modules').split(',').filter(Boolean),
    ...(quantizer !== undefined && { quantizer }),
  };
};

/** Finds the values of one record batch: the second buffer of its body, after that for nulls. */
const locateBatch = async (path: string, handle: FileHandle, size: number, block: DataView): Promise<BatchValues> => {
  const [offset, bodyLength] = [Number(block.getBigInt64(0, true)), Number(block.getBigInt64(BLOCK.bodyLength, true))];
  const metadataLength = block.getInt32(BLOCK.metadataLength, true);
  const begin = offset + metadataLength;
  if (offset < 0 || metadataLength < 16 || metadataLength > MOST_BATCH_HEADER_BYTES || bodyLength < 0 || begin + bodyLength > size)
    throw damaged(path, 'its footer names a record batch outside of the file');
  // Eight bytes before the table: a mark and the table's length.
  const message = await readTable(handle, metadataLength - 8, offset + 8);
  const header = message.table(MESSAGE.header);
  const [, data] = header?.structs(RECORD_BATCH.buffers, BUFFER.bytes) ?? [];
  if (message.byte(MESSAGE.headerType) !== RECORD_BATCH_HEADER || !header || !data || header.table(RECORD_BATCH.compression))
    throw damaged(path, 'a record batch is something else, or compressed');
  const count = header.long(RECORD_BATCH.length);
  const [from, length] = [Number(data.getBigInt64(0, true)), Number(data.getBigInt64(BUFFER.length, true))];
  if (count < 0 || from < 0 || length < 4 * count || from + length > bodyLength)
    throw damaged(path, 'a record batch is shorter than its values');
  return { position: begin + from, count };
};

/** Fills the squares on the diagonal below it, where the file holds nothing. */
const mirror = (n: number, panels: readonly Float32Array[]): void => {
  for (const [p, { begin, end }] of gramPanels(n).entries()) {
    const [panel, width] = [panels[p]!, n - begin];
    for (let i = 1; i < end - begin; i++) for (let j = 0; j < i; j++) panel[i * width + j] = panel[j * width + i]!;
  }
};

/** Puts batches one after the other into rows. */
class RowFiller {
  readonly panels: readonly Float32Array[];
  readonly #rows: Generator<Float32Array>;
  #row: Float32Array | undefined;
  #filled = 0;

  constructor(n: number) {
    this.panels = gramPanels(n).map(({ begin, end }) => new Float32Array(new SharedArrayBuffer(4 * (end - begin) * (n - begin))));
    this.#rows = upperRows(n, this.panels);
    this.#next();
  }

  /** True when every row is filled. */
  get full(): boolean {
    return this.#row === undefined;
  }

  /** False where there are more values than rows. */
  put(values: Float32Array): boolean {
    for (let taken = 0; taken < values.length;) {
      if (!this.#row) return false;
      const count = Math.min(values.length - taken, this.#row.length - this.#filled);
      this.#row.set(values.subarray(taken, taken + count), this.#filled);
      taken += count;
      this.#filled += count;
      if (this.#filled === this.#row.length) this.#next();
    }
    return true;
  }

  #next(): void {
    const next = this.#rows.next();
    this.#row = next.done ? undefined : next.value;
    this.#filled = 0;
  }
}

const readSum = async (path: string, handle: FileHandle): Promise<KeptStatistic> => {
  const { size } = await handle.stat();
  const footer = await readFooter(path, handle, size);
  const schema = footer.table(FOOTER.schema);
  if (!schema || footer.structs(FOOTER.dictionaries, BLOCK.bytes).length > 0)
    throw damaged(path, 'its footer names no schema, or dictionaries');
  const meaning = meaningOf(path, schema);
  const { n } = meaning;
  const values = (n * (n + 1)) / 2;
  const wrongLength = (): StatisticFileError => damaged(path, `its ${size} bytes do not hold just the ${values} values of n = ${n}`);
  if (4 * values > size) throw wrongLength();
  const filler = new RowFiller(n);
  const buffer = new Float32Array(Math.min(BATCH_VALUES, values));
  for (const block of footer.structs(FOOTER.recordBatches, BLOCK.bytes)) {
    const { position, count } = await locateBatch(path, handle, size, block);
    for (let done = 0; done < count;) {
      const piece = buffer.subarray(0, count - done);
      await readExactly(handle, new Uint8Array(piece.buffer, 0, piece.byteLength), position + 4 * done);
      if (!filler.put(piece)) throw wrongLength();
      done += piece.length;
    }
  }
  if (!filler.full) throw wrongLength();
  mirror(n, filler.panels);
  return { meaning, panels: filler.panels };
};

const checkHash = async (path: string, expected: string): Promise<void> => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * BATCH_VALUES })) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found !== expected)
    throw new StatisticFileError(
      path,
      `the file has SHA-256 ${found}, but ${expected} was recorded when it was written. It was changed since.`,
    );
};

/**
 * Reads one sum back, some MiB at a time.
 *
 * Arrow's own reader believes the lengths that it reads, and a damaged one makes it run for hours or allocate gigabytes; so
 * this one follows the flatbuffers itself, and believes nothing that leads out of the file.
 *
 * @param sha256 recorded when the file was written, hexadecimal; compared first
 * @returns panels in shared memory, which workers read without a copy
 * @throws StatisticFileError QL_STATISTIC_FILE where the file is missing, cut, changed, or something else
 */
export const readStatistic = async (path: string, sha256?: string): Promise<KeptStatistic> => {
  let handle: FileHandle | undefined;
  try {
    // A pipe or a device may never end.
    if (!(await stat(path)).isFile()) throw new StatisticFileError(path, 'it is no regular file.');
    if (sha256 !== undefined) await checkHash(path, sha256);
    handle = await open(path);
    return await readSum(path, handle);
  } catch (error) {
    if (error instanceof StatisticFileError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StatisticFileError(path, `it can't be read as a file of statistics (${reason}).`, error);
  } finally {
    await handle?.close();
  }
};
