import t from 'tap';
import { collectGarbage } from '../../src/runtime/index.js';

const MEBIBYTE = 1 << 20;

t.test('arrays that were let go are given back at once', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const makeAndDrop = (): number => new Float32Array(32 * MEBIBYTE).fill(1)[7]!;
  t.equal(makeAndDrop(), 1);
  // The array is still on the stack until the turn ends.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage(128 * MEBIBYTE);
  t.ok(process.memoryUsage().arrayBuffers - before < MEBIBYTE);
});
