import t from 'tap';
import { countPilotBlocks } from '../../src/planning/index.js';

t.test('two blocks, three of deep models, and never more than there are', async (t) => {
  t.same([1, 2, 3, 39, 40, 80].map(countPilotBlocks), [1, 2, 2, 2, 3, 3]);
});
