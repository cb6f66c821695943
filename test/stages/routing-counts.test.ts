import t from 'tap';
import { RoutingCounts } from '../../src/stages/routing-counts.js';

t.test('segments add up by block and split, in the order of blocks', async (t) => {
  const counts = new RoutingCounts();
  counts.add(3, 'calibration', [1, 0]);
  counts.add(1, 'heldOut', [0, 2]);
  counts.add(3, 'calibration', [4, 5]);
  t.same(counts.entries(), [
    [1, { calibration: [0, 0], heldOut: [0, 2] }],
    [3, { calibration: [5, 5], heldOut: [0, 0] }],
  ]);
});
