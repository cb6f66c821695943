import { DTYPE_BYTES, ShapeMismatchError, type DType, type RawTensor } from '../foundation/index.js';

/** One entry of a safetensors header; where the tensor lies follows from the order of entries. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly length: number;
}

/** From the reference library's `Dtype` enumeration (safetensors/src/tensor.rs), last to first. */
const DTYPE_ORDER: readonly DType[] = ['I64', 'F64', 'F32', 'I32', 'BF16', 'F16', 'I16', 'I8', 'U8', 'BOOL'];

/** Compares entries as the reference library orders them: wider types first, then names by their UTF-8 bytes. */
export const inFileOrder = (a: HeaderEntry, b: HeaderEntry): number =>
  DTYPE_ORDER.indexOf(a.dtype) - DTYPE_ORDER.indexOf(b.dtype) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));

/** Writes the header with its 8-byte length: `__metadata__` first, compact JSON, padded with spaces to a multiple of 8. */
export const headerBytes = (entries: readonly HeaderEntry[]): Uint8Array => {
  const parts = ['"__metadata__":{"format":"pt"}'];
  let offset = 0;
  for (const { name, dtype, shape, length } of entries) {
    const data_offsets = [offset, (offset += length)];
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets })}`);
  }
  const text = Buffer.from(`{${parts.join(',')}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  const out = Buffer.alloc(8 + padded, ' ');
  out.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(out, 8);
  return out;
};

/**
 * Describes a tensor for the header.
 *
 * @throws ShapeMismatchError when its bytes don't fit its shape; retrying does not help
 */
export const headerEntry = (name: string, { dtype, shape }: Pick<RawTensor, 'dtype' | 'shape'>, length: number): HeaderEntry => {
  const expected = shape.reduce((product, size) => product * size, 1) * DTYPE_BYTES[dtype];
  if (expected !== length)
    throw new ShapeMismatchError(`"${name}" of type ${dtype} and shape [${shape.join(', ')}] needs ${expected} bytes, not ${length}.`);
  return { name, dtype, shape, length };
};
