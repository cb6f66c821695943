import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { decompress } from '../../../src/corpus/bytes/decompress.js';
import { datasetFile } from '../dataset-fixtures.js';
import { collect, inPieces } from '../streams.js';

const text = 'one line and another\n'.repeat(5000);
const joined = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => Buffer.concat(await collect(chunks)).toString();

t.test('gzip, several members one after the other, in pieces of any length', async (t) => {
  const bytes = Buffer.concat([gzipSync(text), gzipSync('more')]);
  for (const length of [1, 1000, bytes.length]) t.ok((await joined(decompress(inPieces(bytes, length), 'gz'))) === `${text}more`);
});

t.test('Zstandard, several frames one after the other, in pieces of any length', async (t) => {
  const bytes = readFileSync(datasetFile('input-output.jsonl.zst'));
  const whole = await joined(decompress(inPieces(bytes, bytes.length), 'zst'));
  t.match(whole, /^\{"input": "What does the kettle do[^]*\}\n$/);
  t.equal(whole.trimEnd().split('\n').length, 7);
  for (const length of [1, 5, 100]) t.equal(await joined(decompress(inPieces(bytes, length), 'zst')), whole);
});

t.test('what is cut, or something else, is an error', async (t) => {
  const gz = gzipSync(text);
  const zst = readFileSync(datasetFile('input-output.jsonl.zst'));
  await t.rejects(joined(decompress(inPieces(gz.subarray(0, gz.length - 12)), 'gz')));
  await t.rejects(joined(decompress(inPieces('{"text": "x"}, which is no gzip'), 'gz')));
  await t.rejects(joined(decompress(inPieces(zst.subarray(0, zst.length - 12)), 'zst')));
  await t.rejects(joined(decompress(inPieces('{"text": "x"}, which is no zstd'), 'zst')));
});

t.test('an error of the source comes through, and an early end closes it', async (t) => {
  let closed = 0;
  const source = async function* (fail: boolean) {
    try {
      yield gzipSync(text);
      if (fail) throw new Error('the disk is gone');
      for (;;) yield gzipSync(text);
    } finally {
      closed++;
    }
  };
  await t.rejects(joined(decompress(source(true), 'gz')), { message: 'the disk is gone' });
  for await (const chunk of decompress(source(false), 'gz')) {
    t.ok(chunk.length > 0);
    break;
  }
  t.equal(closed, 2);
});
