import t from 'tap';
import { addPanels, panelBytes, sharedPanels, unpackSymmetric, zeroPanels } from '../../src/calibration/index.js';
import { rowMajor, type Matrix } from '../../src/foundation/index.js';
import { normalMatrix } from '../linalg/naive-engine.js';
import { packed } from './packed.js';

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
    t.type(full.data.buffer, ArrayBuffer, 'which ONNX Runtime takes');
    t.type(sharedPanels(n)[0]!.buffer, SharedArrayBuffer);
    t.equal(
      panelBytes(n),
      zeroPanels(n).reduce((bytes, panel) => bytes + panel.byteLength, 0),
    );
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
