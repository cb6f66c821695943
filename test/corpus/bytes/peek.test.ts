import t from 'tap';
import { peek } from '../../../src/corpus/bytes/peek.js';
import { collect, inPieces } from '../streams.js';

t.test('the head is known and the stream still begins with it', async (t) => {
  for (const [bytes, head] of [
    [0, ''],
    [3, 'abcd'],
    [5, 'abcdefgh'],
    [99, 'abcdefghij'],
  ] as const) {
    const peeked = await peek(inPieces('abcdefghij', 4), bytes);
    t.equal(Buffer.from(peeked.head).toString(), head);
    t.equal(Buffer.concat(await collect(peeked.chunks)).toString(), 'abcdefghij');
  }
});

t.test('an early end closes the source', async (t) => {
  let closed = false;
  const source = async function* () {
    try {
      for (;;) yield Buffer.from('x');
    } finally {
      closed = true;
    }
  };
  const { chunks } = await peek(source(), 2);
  for await (const chunk of chunks) {
    t.equal(chunk.length, 2);
    break;
  }
  t.ok(closed);
});
