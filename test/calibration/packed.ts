import { sharedPanels, type SymmetricPanels } from '../../src/calibration/index.js';
import type { Matrix } from '../../src/foundation/index.js';
import { gramPanels } from '../../src/graph/index.js';
import type { PackedStatistic } from '../../src/stages/index.js';

/** Panels of a symmetric matrix, cut by hand; the lower half of a panel's square is filled with rubbish. */
export const packed = (A: Matrix): SymmetricPanels => {
  const n = A.shape[0]!;
  const panels = sharedPanels(n);
  gramPanels(n).forEach(({ begin, end }, p) => {
    for (let i = begin; i < end; i++)
      for (let j = begin; j < n; j++) panels[p]![(i - begin) * (n - begin) + j - begin] = j < i ? 777 : A.get(i, j);
  });
  return panels;
};

/** A statistic as a run keeps it. */
export const packedStatistic = (kind: 'H' | 'G', sum: Matrix, tokens: number): PackedStatistic => ({
  kind,
  tokens,
  n: sum.shape[0]!,
  panels: packed(sum),
});
