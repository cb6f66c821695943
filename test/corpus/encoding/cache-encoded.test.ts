import t from 'tap';
import { cacheEncoded } from '../../../src/corpus/encoding/cache-encoded.js';

t.test('asks once for a piece, unless it is long or the cache is full', async (t) => {
  const asked: string[] = [];
  const encode = cacheEncoded((piece) => {
    asked.push(piece);
    return [piece.length];
  });
  for (const piece of ['a', 'a', 'b'.repeat(129), 'b'.repeat(129)]) t.same(encode(piece), [piece.length]);
  t.equal(asked.length, 3);
  for (let i = 0; i < 70_000; i++) encode(`x${i}`);
  const before = asked.length;
  t.same([encode('x0'), encode('x69999')], [[2], [6]]);
  t.equal(asked.length, before + 1);
});
