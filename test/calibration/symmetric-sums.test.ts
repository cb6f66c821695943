import t from 'tap';
import { addPanels, unpackSymmetric, zeroPanels } from '../../src/calibration/index.js';
import { rowMajor, type Matrix } from '../../src/foundation/index.js';
import { gramPanels } from '../../src/graph/index.js';
import { normalMatrix } from '../linalg/naive-engine.js';

/** Panels of a symmetric matrix, cut by hand; the lower half of a panel's square is filled with rubbish. */
const packed = (A: Matrix): Float32Array[] => {
  const n = A.shape[0]!;
  return gramPanels(n).map(({ begin, end }) => {
    const panel = new Float32Array((end - begin) * (n - begin));
    for (let i = begin; i < end; i++)
      for (let j = begin; j < n; j++) panel[(i - begin) * (n - begin) + j - begin] = j < i ? 777 : A.get(i, j);
    return panel;
  });
};

const symmetric = (n: number, seed: number): Matrix => {
  const A = normalMatrix(n, n, seed);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) A.set(i, j, A.get(j, i));
  return A;
};

for (const n of [1, 7, 64, 300, 1100])
  t.test(`panels of ${n} × ${n}`, async (t) => {
    const A = symmetric(n, n);
    const full = unpackSymmetric(n, packed(A));
    t.ok(Buffer.from(rowMajor(full).slice().buffer).equals(Buffer.from(rowMajor(A).buffer)), 'both triangles');
    t.type(full.data.buffer, SharedArrayBuffer);
    const sum = zeroPanels(n);
    addPanels(sum, packed(A));
    const B = rowMajor(symmetric(n, n + 1));
    const more = packed(symmetric(n, n + 1));
    const before = more.map((panel) => panel.slice());
    addPanels(sum, more);
    const total = rowMajor(unpackSymmetric(n, sum));
    t.ok(rowMajor(A).every((value, i) => total[i] === Math.fround(value + B[i]!)));
    t.ok(
      more.every((panel, p) => panel.every((value, i) => value === before[p]![i])),
      'the addend is left as it was',
    );
  });

t.test('panels of another size are refused', async (t) => {
  t.throws(() => addPanels(zeroPanels(64), zeroPanels(300)), { code: 'QL_SHAPE' });
  t.throws(() => addPanels(zeroPanels(64), zeroPanels(65)), { code: 'QL_SHAPE', message: /4225.*4096/ });
});
