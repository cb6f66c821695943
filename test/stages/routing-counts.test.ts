import t from 'tap';
import { RoutingCounts } from '../../src/stages/routing-counts.js';

t.test('segments add up by block and split, in the order of blocks', async (t) => {
  const counts = new RoutingCounts();
  counts.add(3, 'calibration', [1, 0]);
  counts.add(1, 'heldOut', [0, 2]);
  counts.add(3, 'calibration', [4, 5]);
  t.same(counts.entries(), [
    { block: 1, calibrationTokens: [0, 0], heldOutTokens: [0, 2] },
    { block: 3, calibrationTokens: [5, 5], heldOutTokens: [0, 0] },
  ]);
});
