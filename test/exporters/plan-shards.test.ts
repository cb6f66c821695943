import t from 'tap';
import { byNameAndNumber, planShards } from '../../src/exporters/plan-shards.js';

t.test('numbers in names count by value', async (t) => {
  const names = ['model.layers.10.a', 'model.layers.2.b', 'model.layers.2.a', 'model.embed', 'lm_head', 'model.layers.2'];
  t.same(names.sort(byNameAndNumber), [
    'lm_head',
    'model.embed',
    'model.layers.2',
    'model.layers.2.a',
    'model.layers.2.b',
    'model.layers.10.a',
  ]);
});

t.test('shards are filled in order up to the cap', async (t) => {
  const items = [3, 1, 2, 10].map((i) => ({ name: `m.${i}`, bytes: i === 10 ? 25 : 4 }));
  t.same(planShards(items, 8), [['m.1', 'm.2'], ['m.3'], ['m.10']], 'one larger than a shard has one to itself');
  t.same(planShards(items, 7), [['m.1'], ['m.2'], ['m.3'], ['m.10']]);
  t.same(planShards(items, 37), [['m.1', 'm.2', 'm.3', 'm.10']]);
  t.same(planShards([...items].reverse(), 8), planShards(items, 8));
  t.same(planShards([], 8), [[]]);
});
