import { readTensor, type TensorLocation } from '../checkpoint/index.js';
import { DTYPE_BYTES, toFloat32, type DType, type RawTensor } from '../foundation/index.js';
import type { PlainPair } from './check-base.js';

/** Bytes of a plain tensor compared at once. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Position of the first byte that differs, or -1. */
const firstDifference = (a: Uint8Array, b: Uint8Array): number => {
  if (Buffer.compare(a, b) === 0) return -1;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
};

const valueAt = (bytes: Uint8Array, dtype: DType, element: number): number => {
  const width = DTYPE_BYTES[dtype];
  const own = bytes.slice(element * width, (element + 1) * width);
  return dtype === 'F32' || dtype === 'BF16' || dtype === 'F16' ? toFloat32(own, dtype)[0]! : own[0]!;
};

/**
 * Compares a tensor as it is stored with the bytes that belong there.
 *
 * @returns what differs first, for people, or undefined
 */
export const describeDifference = (expected: RawTensor, stored: RawTensor): string | undefined => {
  const [wanted, found] = [expected, stored].map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  if (wanted !== found) return `is ${found}, where ${wanted} belongs`;
  const at = firstDifference(expected.bytes, stored.bytes);
  if (at < 0) return undefined;
  const element = Math.floor(at / DTYPE_BYTES[expected.dtype]);
  const [theirs, ours] = [valueAt(stored.bytes, stored.dtype, element), valueAt(expected.bytes, expected.dtype, element)];
  return `holds ${theirs} at element ${element}, where ${ours} belongs`;
};

/**
 * Compares a plain tensor with its copy, a piece at a time.
 *
 * @returns what differs first, or undefined; throws as `readTensor`
 */
export const describePlainDifference = async ({ source, copy }: PlainPair): Promise<string | undefined> => {
  for (let begin = 0; begin < source.length; begin += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, source.length - begin);
    const piece = ({ offset, ...rest }: TensorLocation): Promise<Uint8Array> => readTensor({ ...rest, offset: offset + begin, length });
    const at = firstDifference(await piece(source), await piece(copy));
    if (at >= 0) return `differs from the source at byte ${begin + at}`;
  }
  return undefined;
};
