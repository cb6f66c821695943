import { QuailoraError } from './errors.js';

/** Element types of safetensors that quailora reads or writes, by their safetensors names. */
export type DType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

/** Floating-point types a model's weights may have. */
export type FloatDType = 'F32' | 'F16' | 'BF16';

/** Bytes of one element. */
export const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** True for the types a model's weights may have. */
export const isFloatDType = (dtype: DType): dtype is FloatDType => dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';

const bits32 = new Uint32Array(1);
const float32 = new Float32Array(bits32.buffer);

let halfTable: Float32Array | undefined;

/** All 65,536 float16 values by their bits (256 KiB, built on first use). */
const halfValues = (): Float32Array => {
  if (halfTable) return halfTable;
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
    else if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return (halfTable = table);
};

/** Views little-endian bytes as 16-bit words, copying only where the bytes are not 2-aligned. */
const words16 = (bytes: Uint8Array): Uint16Array =>
  bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1)
    : new Uint16Array(bytes.slice().buffer);

/**
 * Widens stored weights to float32; exact for all three types.
 *
 * @param bytes little-endian elements
 * @returns a new array, never a view of `bytes`
 * @throws QuailoraError QL_DTYPE for a type that is not a float; retrying does not help
 */
export const toFloat32 = (bytes: Uint8Array, dtype: DType): Float32Array => {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes.slice().buffer);
    case 'BF16': {
      const source = words16(bytes);
      const out = new Float32Array(source.length);
      const outBits = new Uint32Array(out.buffer);
      for (let i = 0; i < source.length; i++) outBits[i] = source[i]! << 16;
      return out;
    }
    case 'F16': {
      const source = words16(bytes);
      const table = halfValues();
      const out = new Float32Array(source.length);
      for (let i = 0; i < source.length; i++) out[i] = table[source[i]!]!;
      return out;
    }
    default:
      throw new QuailoraError('QL_DTYPE', `Weights of type ${dtype} can't be read as floats; F32, F16 and BF16 can.`);
  }
};

/** Bits of the bfloat16 nearest to x (ties to even); NaN stays NaN. */
export const bfloat16Bits = (x: number): number => {
  float32[0] = x;
  const b = bits32[0]!;
  if ((b & 0x7fffffff) > 0x7f800000) return (b >>> 16) | 0x40;
  return (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
};

/** Bits of the float16 nearest to x (ties to even); overflows to infinity; NaN stays NaN. */
export const float16Bits = (x: number): number => {
  float32[0] = x;
  const b = bits32[0]!;
  const sign = (b >>> 16) & 0x8000;
  const magnitude = b & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude < 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
};

/**
 * Rounds float32 values in place to those a narrower type can hold (nearest, ties to even).
 *
 * @returns the same array
 */
export const roundTo = (values: Float32Array, dtype: FloatDType): Float32Array => {
  if (dtype === 'BF16') {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) {
      const b = bits[i]!;
      bits[i] = (b & 0x7fffffff) > 0x7f800000 ? b | 0x400000 : (b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000;
    }
  } else if (dtype === 'F16') {
    const table = halfValues();
    for (let i = 0; i < values.length; i++) values[i] = table[float16Bits(values[i]!)]!;
  }
  return values;
};

/** Encodes float32 values as little-endian bytes of a type, rounding to nearest even. */
export const fromFloat32 = (values: Float32Array, dtype: FloatDType): Uint8Array => {
  if (dtype === 'F32') return new Uint8Array(values.slice().buffer);
  const out = new Uint16Array(values.length);
  const encode = dtype === 'BF16' ? bfloat16Bits : float16Bits;
  for (let i = 0; i < values.length; i++) out[i] = encode(values[i]!);
  return new Uint8Array(out.buffer);
};
