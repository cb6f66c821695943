import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { spool } from '../../../src/corpus/bytes/spool.js';
import { inPieces } from '../streams.js';

t.test('a stream becomes a file, and leaves nothing behind', async (t) => {
  const { path, remove } = await spool(inPieces('abcdefghijkl'));
  t.equal(readFileSync(path, 'utf8'), 'abcdefghijkl');
  await remove();
  t.notOk(existsSync(path));
});

t.test('a stream that fails is told of', async (t) => {
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
    throw new Error('broken off');
  };
  await t.rejects(spool(failing()), { message: 'broken off' });
});
