import { createHash } from 'node:crypto';
import { Field, Float32, makeData, RecordBatch, Schema, Struct } from 'apache-arrow';
import { writeFileAtomically } from '../foundation/index.js';
import { BATCH_VALUES, UPPER_COLUMN, upperRows, type StatisticMeaning } from './statistic-file.js';
import { TakenFileWriter } from './taken-file-writer.js';

const LAYOUT = 'the upper triangle of a symmetric [n, n] matrix, diagonal included, row by row: the order of numpy.triu_indices(n)';
const SUMS = {
  H: 'plain sum of x x^T over the tokens, x the input of the full-precision layer',
  G: 'plain sum of (E x)(E x)^T over the tokens, E = W - dequantize(quantize(W)) of the module',
} as const;

/** What identifies the bytes of a file. */
export interface WrittenStatistic {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

const schemaOf = ({ block, input, split, kind, n, tokens, modules, quantizer }: StatisticMeaning): Schema => {
  const meaning = { block, input, split, kind, n, tokens, modules: modules.join(','), ...(quantizer !== undefined && { quantizer }) };
  return new Schema(
    [new Field(UPPER_COLUMN, new Float32(), false)],
    new Map([
      ['quailora', 'statistic'],
      ...Object.entries(meaning).map(([name, value]) => [name, String(value)] as const),
      ['dtype', 'float32'],
      ['sum', SUMS[kind]],
      ['layout', LAYOUT],
    ]),
  );
};

/** Cuts the upper triangle into batches; each is overwritten by the next. */
function* batchesOf(n: number, panels: readonly Float32Array[]): Generator<Float32Array> {
  const batch = new Float32Array(Math.min(BATCH_VALUES, (n * (n + 1)) / 2));
  let filled = 0;
  for (const row of upperRows(n, panels))
    for (let taken = 0; taken < row.length;) {
      const count = Math.min(row.length - taken, batch.length - filled);
      batch.set(row.subarray(taken, taken + count), filled);
      taken += count;
      filled += count;
      if (filled === batch.length) yield batch;
      filled %= batch.length;
    }
  if (filled > 0) yield batch.subarray(0, filled);
}

function* encode(meaning: StatisticMeaning, panels: readonly Float32Array[]): Generator<Uint8Array> {
  const schema = schemaOf(meaning);
  const writer = new TakenFileWriter();
  for (const data of batchesOf(meaning.n, panels)) {
    const column = makeData({ type: new Float32(), length: data.length, nullCount: 0, data });
    const type = new Struct(schema.fields);
    writer.write(new RecordBatch(schema, makeData({ type, length: data.length, nullCount: 0, children: [column] })));
    yield* writer.take();
  }
  writer.finish();
  yield* writer.take();
}

/**
 * Writes one sum as an Arrow IPC file with one float32 column `upper`, and its meaning as schema metadata. Equal sums give
 * equal bytes; the file appears whole or not at all.
 *
 * @param panels those of `gramPanels(n)`; streamed, never copied whole
 * @throws FileWriteError
 */
export const writeStatistic = async (
  path: string,
  meaning: StatisticMeaning,
  panels: readonly Float32Array[],
): Promise<WrittenStatistic> => {
  const hash = createHash('sha256');
  let bytes = 0;
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for (const chunk of encode(meaning, panels)) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      yield chunk;
    }
  };
  await writeFileAtomically(path, hashed());
  return { bytes, sha256: hash.digest('hex') };
};
