import { RecordBatchReader, tableFromIPC } from 'apache-arrow';
import t from 'tap';
import { random } from '../../src/foundation/index.js';
import {
  chunkTokens,
  chunkValues,
  chunkWidth,
  decodeActivationChunk,
  encodeActivationChunk,
  makeActivationChunk,
} from '../../src/transport/index.js';

const header = { sequence: 3, block: 17, input: 'mlp_hidden', split: 'heldOut' };
const normals = (length: number): Float32Array => {
  const stream = random(length);
  return Float32Array.from({ length }, () => stream.normal());
};

t.test('a chunk is a view of the values it was made of', async (t) => {
  const all = normals(64);
  const values = all.subarray(8, 32);
  const chunk = makeActivationChunk(header, values, 8, Int32Array.of(4, 4, 5));
  t.same([chunkTokens(chunk), chunkWidth(chunk)], [3, 8]);
  const seen = chunkValues(chunk);
  t.equal(seen.buffer, all.buffer, 'the same bytes');
  t.same([seen.byteOffset, seen.length], [values.byteOffset, values.length]);
  all[8] = 42;
  t.equal(chunkValues(chunk)[0], 42);
});

t.test('chunks survive the way through an Arrow stream', async (t) => {
  for (const [tokens, width] of [
    [1, 1],
    [3, 8],
    [5, 7],
    [512, 33],
  ] as const) {
    const values = normals(tokens * width);
    const windows = Int32Array.from({ length: tokens }, (_, i) => i >> 1);
    const bytes = encodeActivationChunk(makeActivationChunk(header, values, width, windows));
    const back = decodeActivationChunk(bytes);
    t.match(back, header);
    t.same([chunkTokens(back), chunkWidth(back)], [tokens, width]);
    t.same(chunkValues(back), values);
    t.equal(chunkValues(back).buffer, bytes.buffer, 'read back without a copy');
    t.same([...(back.batch.getChild('window') as Iterable<number>)], [...windows]);
  }
});

t.test('an encoded chunk has bytes of its own', async (t) => {
  const values = normals(24);
  const before = values.slice();
  const bytes = encodeActivationChunk(makeActivationChunk(header, values, 8, new Int32Array(3)));
  values.fill(0);
  t.same(chunkValues(decodeActivationChunk(bytes)), before);
});

t.test('any Arrow library reads the stream', async (t) => {
  const bytes = encodeActivationChunk(makeActivationChunk(header, Float32Array.of(1, 2, 3, 4), 2, Int32Array.of(0, 1)));
  const table = tableFromIPC(bytes);
  t.equal(table.schema.toString(), 'Schema<{ 0: window: Int32, 1: values: FixedSizeList[2]<Float32> }>');
  t.same(Object.fromEntries(table.schema.metadata), {
    quailora: 'activation-chunk',
    sequence: '3',
    block: '17',
    input: 'mlp_hidden',
    split: 'heldOut',
  });
  const rows = table
    .toArray()
    .map((row: { window: number; values: Iterable<number> }) => ({ window: row.window, values: [...row.values] }));
  t.same(rows, [
    { window: 0, values: [1, 2] },
    { window: 1, values: [3, 4] },
  ]);
});

t.test('other bytes are an error of ours', async (t) => {
  const bytes = encodeActivationChunk(makeActivationChunk(header, normals(64), 8, new Int32Array(8)));
  const refused = { name: 'MalformedChunkError', code: 'QL_CHUNK', retryable: false };
  for (const length of [0, 3, 20, bytes.length >> 1, bytes.length - 40])
    t.throws(() => decodeActivationChunk(bytes.slice(0, length)), refused, `cut after ${length}`);
  t.throws(() => decodeActivationChunk(new Uint8Array(100).fill(7)), refused);
  t.throws(() => decodeActivationChunk(new TextEncoder().encode('no Arrow stream at all')), refused);
  const batch = RecordBatchReader.from(bytes).next().value as Parameters<typeof encodeActivationChunk>[0]['batch'];
  batch.schema.metadata.set('quailora', 'something else');
  t.throws(() => decodeActivationChunk(encodeActivationChunk({ ...header, batch })), refused, 'a stream of another kind');
});
