import { roundTo, type FloatDType } from '../foundation/index.js';
import { notFiniteError } from './quantization-error.js';

const fround = Math.fround;

/** Weights that share one scale. */
export const BLOCK_SIZE = 64;

/** The 16 values of the NF4 data type (QLoRA, appendix E; bitsandbytes/functional.py `get_4bit_type`). */
export const NF4_VALUES = Float32Array.of(
  -1.0,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0.0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1.0,
);

/** A value's code is the number of these that lie below it: they are the float32 midpoints of neighbouring values. */
const THRESHOLDS = NF4_VALUES.subarray(0, 15).map((value, i) => fround(fround(value + NF4_VALUES[i + 1]!) * 0.5));

/** Codes any y, NaN (code 0) and infinities included. */
const codeOf = (y: number): number => {
  let code = 0;
  for (const threshold of THRESHOLDS) if (y > threshold) code++;
  return code;
};

/** Cells of width 1/2048 over [−1, 1]: their table fits the first cache and few values meet a threshold's cell. */
const HALF_CELLS = 2048;
const cellOf = (y: number): number => (y * HALF_CELLS + HALF_CELLS) | 0;

/** In place of a code: the cell lies within rounding of a threshold, look exactly. */
const UNDECIDED = 255;

/** Code of every value in a cell, whether rounded to float32 yet or not. */
const CELL_CODES = Uint8Array.from({ length: 2 * HALF_CELLS + 1 }, (_, cell) => codeOf((cell + 0.5) / HALF_CELLS - 1));
for (const threshold of THRESHOLDS) for (const y of [threshold - 1e-6, threshold + 1e-6]) CELL_CODES[cellOf(y)] = UNDECIDED;

/** Codes and scales of one matrix, flattened in row-major order. */
export interface Nf4Codes {
  /** Two codes a byte, the earlier weight in the high half; ⌈n/2⌉ bytes. */
  readonly packed: Uint8Array;
  /** Largest magnitude of each block, ⌈n/64⌉ values. */
  readonly absmax: Float32Array;
}

/**
 * Codes one block of any length with any scale: the short last block, and scales whose reciprocal overflows (zero and
 * the least subnormals: inf · 0 is NaN, so a block of zeros gets code 0 throughout).
 */
const encodeSlowly = (W: Float32Array, start: number, inverse: number, packed: Uint8Array): void => {
  const end = Math.min(start + BLOCK_SIZE, W.length);
  for (let i = start; i < end; i += 2) {
    const next = i + 1 < end ? W[i + 1]! : 0;
    packed[i >> 1] = (codeOf(fround(W[i]! * inverse)) << 4) | codeOf(fround(next * inverse));
  }
};

/**
 * Finds the NF4 codes and scales of a matrix by the rule of bitsandbytes' CUDA kernel with an IEEE reciprocal.
 *
 * y = f32(x · f32(1/absmax)); the code counts the thresholds strictly below y; a block of zeros codes as 0x00 bytes.
 *
 * @param W row-major values
 * @param columns of the matrix, for messages
 * @throws QuantizationError QL_NOT_FINITE; retrying does not help
 */
export const encodeNf4 = (W: Float32Array, module: string, columns: number): Nf4Codes => {
  const bits = new Int32Array(W.buffer, W.byteOffset, W.length);
  const packed = new Uint8Array((W.length + 1) >> 1);
  const absmax = new Float32Array(Math.ceil(W.length / BLOCK_SIZE));
  const absmaxBits = new Int32Array(absmax.buffer);
  for (let block = 0, start = 0; block < absmax.length; block++, start += BLOCK_SIZE) {
    const end = Math.min(start + BLOCK_SIZE, W.length);
    let peak = 0;
    for (let i = start; i < end; i++) {
      const magnitude = bits[i]! & 0x7fffffff;
      peak = magnitude > peak ? magnitude : peak;
    }
    if (peak >= 0x7f800000) throw firstNotFinite(W, start, module, columns);
    absmaxBits[block] = peak;
    const inverse = fround(1 / absmax[block]!);
    if (end - start < BLOCK_SIZE || inverse === Infinity) {
      encodeSlowly(W, start, inverse, packed);
      continue;
    }
    for (let i = start; i < end; i += 2) {
      const y0 = W[i]! * inverse;
      const y1 = W[i + 1]! * inverse;
      let high = CELL_CODES[(y0 * HALF_CELLS + HALF_CELLS) | 0]!;
      let low = CELL_CODES[(y1 * HALF_CELLS + HALF_CELLS) | 0]!;
      if (high === UNDECIDED) high = codeOf(fround(y0));
      if (low === UNDECIDED) low = codeOf(fround(y1));
      packed[i >> 1] = (high << 4) | low;
    }
  }
  return { packed, absmax };
};

const firstNotFinite = (W: Float32Array, start: number, module: string, columns: number): Error => {
  let index = start;
  while (Number.isFinite(W[index])) index++;
  return notFiniteError(module, W[index]!, index, columns);
};

/** Blocks whose value tables are made at once: enough to make rounding them cheap, few enough for the cache. */
const BLOCKS_AT_ONCE = 256;

/** Bytes of one block's codes. */
const BLOCK_BYTES = BLOCK_SIZE / 2;

/**
 * Walks over the codes a few hundred blocks at a time.
 *
 * @param visit gets the bytes from … to − 1 and, for each of their blocks, what its 16 codes stand for: f32(value · scale),
 *   rounded to the type the layer computes in
 */
const visitBlocks = (
  { packed, absmax }: Nf4Codes,
  dtype: FloatDType,
  visit: (table: Float32Array, from: number, to: number) => void,
): void => {
  const table = new Float32Array(BLOCKS_AT_ONCE * 16);
  for (let first = 0; first < absmax.length; first += BLOCKS_AT_ONCE) {
    const blocks = Math.min(BLOCKS_AT_ONCE, absmax.length - first);
    for (let b = 0; b < blocks; b++) {
      const scale = absmax[first + b]!;
      for (let code = 0; code < 16; code++) table[b * 16 + code] = NF4_VALUES[code]! * scale;
    }
    roundTo(table, dtype);
    visit(table, first * BLOCK_BYTES, Math.min((first + blocks) * BLOCK_BYTES, packed.length));
  }
};

/**
 * Restores a matrix from codes and scales, rounded to the type the layer computes in.
 *
 * @param count number of weights
 */
export const decodeNf4 = (codes: Nf4Codes, count: number, dtype: FloatDType): Float32Array<ArrayBuffer> => {
  const { packed } = codes;
  const Q = new Float32Array(packed.length * 2);
  visitBlocks(codes, dtype, (table, from, to) => {
    for (let k = from, b = 0; k < to; b += 16) {
      const blockEnd = Math.min(k + BLOCK_BYTES, to);
      for (; k < blockEnd; k++) {
        const byte = packed[k]!;
        Q[2 * k] = table[b + (byte >>> 4)]!;
        Q[2 * k + 1] = table[b + (byte & 15)]!;
      }
    }
  });
  return Q.subarray(0, count);
};

/** Turns W into W − Q, with the Q that `decodeNf4` restores; the code beyond an odd count is passed over. */
export const subtractNf4 = (W: Float32Array, codes: Nf4Codes, dtype: FloatDType): void => {
  const { packed } = codes;
  const odd = W.length % 2 === 1;
  const last = W.length - 1;
  const lastWeight = W[last]!;
  visitBlocks(codes, dtype, (table, from, to) => {
    const whole = odd && to === packed.length ? to - 1 : to;
    for (let k = from, b = 0; k < whole; b += 16) {
      const blockEnd = Math.min(k + BLOCK_BYTES, whole);
      for (; k < blockEnd; k++) {
        const byte = packed[k]!;
        W[2 * k] = W[2 * k]! - table[b + (byte >>> 4)]!;
        W[2 * k + 1] = W[2 * k + 1]! - table[b + (byte & 15)]!;
      }
    }
    if (whole < to) W[last] = lastWeight - table[Math.floor((whole - from) / BLOCK_BYTES) * 16 + (packed[whole]! >>> 4)]!;
  });
};
