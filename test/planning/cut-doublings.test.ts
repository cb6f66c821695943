import t from 'tap';
import { cutDoublings } from '../../src/planning/index.js';

const alike = (count: number, last = 4096): number[] => [...Array<number>(count - 1).fill(4096), last];

t.test('each slice has as many segments as all before it', async (t) => {
  for (const [count, slices] of [
    [1, [1]],
    [2, [1, 1]],
    [8, [1, 1, 2, 4]],
  ] as const)
    t.same(cutDoublings(alike(count)), slices);
});

t.test('what is left is a point of its own from half of what was before it', async (t) => {
  t.same(cutDoublings(alike(12)), [1, 1, 2, 4, 4]);
  t.same(cutDoublings(alike(11)), [1, 1, 2, 7]);
  t.same(cutDoublings(alike(12, 4095)), [1, 1, 2, 8], 'tokens count, not segments');
  t.same(cutDoublings(alike(2, 96)), [2]);
});

t.test('no segment is lost or taken twice', async (t) => {
  for (let count = 1; count <= 70; count++) {
    const slices = cutDoublings(alike(count, 1));
    t.equal(
      slices.reduce((sum, slice) => sum + slice, 0),
      count,
    );
    t.ok(slices.every((slice) => slice > 0));
  }
  t.same(cutDoublings([]), [0]);
});
