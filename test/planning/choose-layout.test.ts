import t from 'tap';
import { chooseFloats, chooseLayout, layoutOf, LEANEST_FLOATS, peakOf, STOCK_FLOATS } from '../../src/planning/choose-layout.js';
import { llamaShape, openRun } from './sample-shape.js';

const narrow = openRun(llamaShape(576, 1536, 30));
const wide = openRun(llamaShape(6656, 17_920, 60));
const alone = (floats = STOCK_FLOATS) => ({ floats, layout: layoutOf(1, 1) });

t.test('cores that workers leave work inside their products', async (t) => {
  t.same(layoutOf(2, 8), { workers: 2, threads: 4 });
  t.same(layoutOf(3, 8), { workers: 3, threads: 2 });
  t.same(layoutOf(16, 8), { workers: 16, threads: 1 });
});

t.test('chunks follow from the budget only', async (t) => {
  t.same(chooseFloats(wide, undefined), STOCK_FLOATS, 'without one they are the stock ones');
  const stock = peakOf({ ...wide, ...alone() });
  t.same(chooseFloats(wide, stock), STOCK_FLOATS);
  const less = chooseFloats(wide, stock - 1);
  t.ok(less.segmentTokens < STOCK_FLOATS.segmentTokens);
  t.ok(peakOf({ ...wide, ...alone(less) }) < stock);
  t.same(chooseFloats(wide, 1), LEANEST_FLOATS, 'an impossible one gets the smallest');
});

t.test('a layout is what was asked for, or the most workers that fit', async (t) => {
  const choose = (run: typeof narrow, limitBytes: number, asked?: number) =>
    chooseLayout({ ...run, floats: STOCK_FLOATS }, { cores: 4, asked, limitBytes });
  t.same(choose(narrow, Infinity), { workers: 4, threads: 1 });
  t.same(choose(wide, Infinity), { workers: 2, threads: 2 });
  t.same(choose(wide, 1), { workers: 1, threads: 4 });
  t.same(choose(wide, 1, 3), { workers: 3, threads: 1 });
  const two = peakOf({ ...narrow, floats: STOCK_FLOATS, layout: { workers: 2, threads: 2 } });
  t.same(choose(narrow, two), { workers: 2, threads: 2 });
});
