import t from 'tap';
import { buffersOf } from '../../src/runtime/index.js';

t.test('buffers move once, and only whole', async (t) => {
  const whole = new Float32Array(4);
  const bytes = new Uint8Array(whole.buffer);
  t.same(
    buffersOf(whole, bytes, new Float32Array(2)).map(({ byteLength }) => byteLength),
    [16, 8],
  );
  t.equal(buffersOf(whole)[0], whole.buffer);
  t.same(buffersOf(whole.subarray(1)), [], "the rest is somebody else's");
  t.same(buffersOf(Buffer.from('in the pool of small buffers')), []);
  t.same(buffersOf(new Float32Array(new SharedArrayBuffer(8))), [], 'shared memory needs no move');
  t.same(buffersOf(), []);
});
