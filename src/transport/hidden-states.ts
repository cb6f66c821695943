import { open } from 'node:fs/promises';
import { Field, FixedSizeList, Float32, makeData, RecordBatch, Schema, Struct } from 'apache-arrow';
import { readFileRange, writeFilePieces } from '../foundation/index.js';
import { floatListColumn } from './float-list-column.js';
import { MalformedChunkError, readFirstBatch } from './read-first-batch.js';
import { TakenFileWriter } from './taken-file-writer.js';

const COLUMN = 'hidden';

/**
 * Writes hidden states of one segment as an Arrow IPC file: one row for each token, column `hidden`, a fixed-size
 * list of float32.
 *
 * @param values [tokens, width], row-major
 * @param meaning schema metadata: block, split, segment
 * @throws FileWriteError
 */
export const writeHiddenStates = async (
  path: string,
  values: Float32Array,
  width: number,
  meaning: Readonly<Record<string, string>>,
): Promise<void> => {
  const type = new FixedSizeList(width, new Field('feature', new Float32(), false));
  const schema = new Schema([new Field(COLUMN, type, false)], new Map([['quailora', 'hidden-states'], ...Object.entries(meaning)]));
  const length = values.length / width;
  const child = makeData({ type: new Float32(), length: values.length, nullCount: 0, data: values });
  const column = makeData({ type, length, nullCount: 0, child });
  const writer = new TakenFileWriter();
  writer.write(new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children: [column] })));
  writer.finish();
  await writeFilePieces(path, writer.take());
};

/** Reads a whole file in one call: Node's own `readFile` asks for half a MiB at a time, each a way through the thread pool. */
const readWhole = async (path: string): Promise<Uint8Array> => {
  const file = await open(path);
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    return bytes.subarray(0, await readFileRange(file, bytes, 0));
  } finally {
    await file.close();
  }
};

/**
 * Reads hidden states back.
 *
 * @returns [tokens, width], row-major, over the bytes of the file
 * @throws MalformedChunkError QL_CHUNK when the file holds something else
 */
export const readHiddenStates = async (path: string): Promise<Float32Array> => {
  const bytes = await readWhole(path).catch((cause: unknown) => {
    throw new MalformedChunkError(`${path} can't be read (${String(cause)}).`, cause);
  });
  return floatListColumn(readFirstBatch(bytes, 'hidden-states', path), 0, path).values;
};
