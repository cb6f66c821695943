import { availableParallelism } from 'node:os';
import t from 'tap';
import { layOutWorkers } from '../../src/stages/index.js';

t.test('cores that workers leave work inside their products', async (t) => {
  const cores = availableParallelism();
  t.same(layOutWorkers({}), { workers: cores, threads: 1 });
  t.same(layOutWorkers({ workers: 1 }), { workers: 1, threads: cores });
  t.same(layOutWorkers({ workers: 4 * cores }), { workers: 4 * cores, threads: 1 });
});
