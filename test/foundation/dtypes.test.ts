import t from 'tap';
import { bfloat16Bits, float16Bits, fromFloat32, random, roundTo, toFloat32 } from '../../src/foundation/index.js';

t.test('every float16 survives widening and rounding', async (t) => {
  const all = new Uint16Array(65536).map((_, i) => i);
  const wide = toFloat32(new Uint8Array(all.buffer), 'F16');
  let wrong = 0;
  wide.forEach((x, bits) => {
    if (!Number.isNaN(x) && float16Bits(x) !== bits) wrong++;
  });
  t.equal(wrong, 0);
});

t.test('every bfloat16 survives widening and rounding', async (t) => {
  const all = new Uint16Array(65536).map((_, i) => i);
  const wide = toFloat32(new Uint8Array(all.buffer), 'BF16');
  let wrong = 0;
  wide.forEach((x, bits) => {
    if (!Number.isNaN(x) && bfloat16Bits(x) !== bits) wrong++;
  });
  t.equal(wrong, 0);
});

t.test('ties go to the even neighbour', async (t) => {
  t.equal(bfloat16Bits(1 + 2 ** -8), 0x3f80);
  t.equal(bfloat16Bits(1 + 3 * 2 ** -8), 0x3f82);
  t.equal(float16Bits(1 + 2 ** -11), 0x3c00);
  t.equal(float16Bits(1 + 3 * 2 ** -11), 0x3c02);
  t.equal(float16Bits(2 ** -25), 0, 'half of the least subnormal');
  t.equal(float16Bits(65520), 0x7c00, 'first value that overflows');
  t.equal(float16Bits(65519.996), 0x7bff);
});

t.test('rounding in place equals encoding and widening', async (t) => {
  const stream = random(7);
  for (const dtype of ['BF16', 'F16', 'F32'] as const) {
    const values = Float32Array.from({ length: 5000 }, () => stream.normal() * 2 ** (stream.below(30) - 20));
    t.same(roundTo(values.slice(), dtype), toFloat32(fromFloat32(values, dtype), dtype), dtype);
  }
});

t.test('unaligned bytes are read all the same', async (t) => {
  const bytes = new Uint8Array(5);
  bytes.set(fromFloat32(Float32Array.of(1.5, -2), 'BF16'), 1);
  t.same([...toFloat32(bytes.subarray(1), 'BF16')], [1.5, -2]);
  t.throws(() => toFloat32(new Uint8Array(2), 'I8'), { code: 'QL_DTYPE' });
});
