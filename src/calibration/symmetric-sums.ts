import { matrix, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import { gramPanels } from '../graph/index.js';

/** Running sum of a symmetric n × n matrix as the horizontal panels of its upper triangle (`gramPanels`), float32. */
export type SymmetricPanels = readonly Float32Array[];

/** Allocates zero panels. */
export const zeroPanels = (n: number): SymmetricPanels =>
  gramPanels(n).map(({ begin, end }) => new Float32Array((end - begin) * (n - begin)));

/** Adds panels onto others, in place. */
export const addPanels = (onto: SymmetricPanels, more: SymmetricPanels): void => {
  if (onto.length !== more.length) throw new ShapeMismatchError(`Can't add ${more.length} panels to ${onto.length}.`);
  onto.forEach((sum, p) => {
    const addend = more[p]!;
    if (addend.length !== sum.length) throw new ShapeMismatchError(`Panel ${p} holds ${addend.length} values, not ${sum.length}.`);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + addend[i]!;
  });
};

/**
 * Fills both triangles of the full matrix.
 *
 * @returns [n, n], row-major, over shared memory, so that several workers read it without copies
 */
export const unpackSymmetric = (n: number, panels: SymmetricPanels): Matrix => {
  const full = new Float32Array(new SharedArrayBuffer(4 * n * n));
  gramPanels(n).forEach(({ begin, end }, p) => {
    const panel = panels[p]!;
    const width = n - begin;
    for (let i = begin; i < end; i++) {
      const row = panel.subarray((i - begin) * width, (i - begin + 1) * width);
      for (let j = i; j < n; j++) full[i * n + j] = full[j * n + i] = row[j - begin]!;
    }
  });
  return matrix(n, n, full);
};
