import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { openBytes } from '../../../src/corpus/bytes/open-bytes.js';
import type { TextFile } from '../../../src/corpus/bytes/text-file.js';
import { collect, inPieces } from '../streams.js';

const stdin: TextFile = { path: undefined, name: 'standard input', type: undefined, compression: undefined };
const text = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => Buffer.concat(await collect(chunks)).toString();

t.test('a file goes by its name, standard input by its first bytes', async (t) => {
  const directory = t.testdir({ 'a.gz': gzipSync('within') });
  const file: TextFile = { path: join(directory, 'a.gz'), name: 'a.gz', type: 'txt', compression: 'gz' };
  t.equal(await text(openBytes(file, {})), 'within');
  t.equal(await text(openBytes({ ...file, compression: undefined }, {})), gzipSync('within').toString());
  t.equal(await text(openBytes(stdin, { stdin: inPieces(gzipSync('piped'), 1) })), 'piped');
  t.equal(await text(openBytes(stdin, { stdin: inPieces('x') })), 'x');
  t.equal(await text(openBytes(stdin, { stdin: inPieces('') })), '');
});

t.test('a file that breaks off names itself', async (t) => {
  const gz = gzipSync('x'.repeat(9999));
  await t.rejects(text(openBytes(stdin, { stdin: inPieces(gz.subarray(0, 20)) })), {
    code: 'QL_TEXT_READ',
    message: /standard input: .* to its end/,
  });
  const gone: TextFile = { path: join(t.testdir({}), 'gone.txt'), name: 'gone.txt', type: 'txt', compression: undefined };
  await t.rejects(text(openBytes(gone, {})), { code: 'QL_TEXT_READ', message: /gone\.txt.*ENOENT/ });
});

t.test('a signal stops it, with its own reason', async (t) => {
  const controller = new AbortController();
  const chunks = openBytes(stdin, { stdin: inPieces('abcdefgh', 4), signal: controller.signal });
  await chunks.next();
  controller.abort(new Error('enough'));
  await t.rejects(chunks.next(), { message: 'enough' });
});
