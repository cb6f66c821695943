import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { matrix, roundTo, type FloatDType, type Matrix } from '../../src/foundation/index.js';

/** The 32-bit finalizer of splitmix32. */
const mix = (x: number): number => {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
};

/**
 * Repeats `bell` of test/fixtures/quantizers/make-goldens.py bit for bit: bell-shaped weights from integers, a sum of
 * four bytes a weight, a scale a row.
 */
export const bellWeights = (rows: number, columns: number, seed: number, dtype: FloatDType): Matrix => {
  const W = matrix(rows, columns);
  for (let row = 0, i = 0; row < rows; row++) {
    const scale = 256 + (mix((0x9e3779b9 + row) | 0) & 255);
    for (let column = 0; column < columns; column++, i++) {
      const h = mix((2 * i + seed) | 0);
      const sum = (h & 255) + ((h >>> 8) & 255) + ((h >>> 16) & 255) + (h >>> 24);
      const low = mix((2 * i + seed + 1) | 0) & 255;
      W.data[i] = Math.fround(((sum - 510) * 256 + low) * scale) * 2 ** -29;
    }
  }
  roundTo(W.data, dtype);
  return W;
};

/** The matrix whose float32 bits a golden file holds. */
export const fromBits = (bits: readonly number[], shape: readonly [number, number]): Matrix =>
  matrix(...shape, new Float32Array(Uint32Array.from(bits).buffer));

/** Float32 bits of a matrix's values. */
export const bitsOf = (values: Float32Array): number[] => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];

export const sha256 = (values: Uint8Array | Float32Array): string =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');

/** Parses a golden file; its making is test/fixtures/quantizers/make-goldens.py. */
export const readGoldens = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(new URL(`../../../test/fixtures/quantizers/${name}`, import.meta.url), 'utf8')) as T;
