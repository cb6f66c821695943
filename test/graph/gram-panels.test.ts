import t from 'tap';
import { gramPanels } from '../../src/graph/index.js';

const SIZES = [1, 2, 7, 15, 16, 17, 64, 255, 256, 257, 300, 576, 1000, 1023, 1024, 1025, 1100, 1536, 4096, 4097, 11008];

t.test('panels tile the upper triangle', async (t) => {
  for (const n of SIZES) {
    const panels = gramPanels(n);
    let row = 0;
    for (const { begin, end } of panels) {
      t.equal(begin, row, `${n}: the next panel begins where the last ended`);
      t.ok(end > begin, `${n}: none is empty`);
      row = end;
    }
    t.equal(row, n);
  }
  t.same(gramPanels(0), []);
});

t.test('wide sums spare about half of the square', async (t) => {
  const share = (n: number): number => gramPanels(n).reduce((sum, { begin, end }) => sum + (end - begin) * (n - begin), 0) / (n * n);
  t.ok(share(576) <= 0.63, `576: ${share(576)}`);
  t.ok(share(1536) <= 0.57, `1536: ${share(1536)}`);
  t.ok(share(11008) <= 0.57, `11008: ${share(11008)}`);
});
