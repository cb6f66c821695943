import { matrix, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import { gramPanels } from '../graph/index.js';

/** Running sum of a symmetric n × n matrix as the horizontal panels of its upper triangle (`gramPanels`), float32. */
export type SymmetricPanels = readonly Float32Array[];

const panelSizes = (n: number): number[] => gramPanels(n).map(({ begin, end }) => (end - begin) * (n - begin));

/** Bytes of the panels of an n × n matrix: a little more than half of the full one. */
export const panelBytes = (n: number): number => panelSizes(n).reduce((bytes, size) => bytes + 4 * size, 0);

/** Allocates zero panels. */
export const zeroPanels = (n: number): SymmetricPanels => panelSizes(n).map((size) => new Float32Array(size));

/** Allocates zero panels in shared memory, which workers read without a copy. */
export const sharedPanels = (n: number): SymmetricPanels => panelSizes(n).map((size) => new Float32Array(new SharedArrayBuffer(4 * size)));

/** Adds panels onto others, in place. */
export const addPanels = (onto: SymmetricPanels, more: SymmetricPanels): void => {
  if (onto.length !== more.length) throw new ShapeMismatchError(`Can't add ${more.length} panels to ${onto.length}.`);
  onto.forEach((sum, p) => {
    const addend = more[p]!;
    if (addend.length !== sum.length) throw new ShapeMismatchError(`Panel ${p} holds ${addend.length} values, not ${sum.length}.`);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + addend[i]!;
  });
};

/** Columns mirrored at a time: a square of them stays in the first-level cache. */
const TILE = 64;

/** Copies the upper triangle of a row-major n × n matrix onto the lower one, tile by tile. */
const mirror = (full: Float32Array, n: number): void => {
  for (let top = 0; top < n; top += TILE)
    for (let left = top; left < n; left += TILE)
      for (let i = top; i < Math.min(top + TILE, n); i++)
        for (let j = Math.max(left, i + 1); j < Math.min(left + TILE, n); j++) full[j * n + i] = full[i * n + j]!;
};

/**
 * Fills both triangles of the full matrix.
 *
 * @returns [n, n], row-major, in memory of its own
 */
export const unpackSymmetric = (n: number, panels: SymmetricPanels): Matrix => {
  const full = new Float32Array(n * n);
  gramPanels(n).forEach(({ begin, end }, p) => {
    const panel = panels[p]!;
    const width = n - begin;
    for (let i = begin; i < end; i++) full.set(panel.subarray((i - begin) * width + i - begin, (i - begin + 1) * width), i * n + i);
  });
  mirror(full, n);
  return matrix(n, n, full);
};
