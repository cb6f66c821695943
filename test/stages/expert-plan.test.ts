import t from 'tap';
import { openModel } from '../../src/models/index.js';
import { planExperts } from '../../src/stages/expert-plan.js';
import { openFixture } from '../models/golden-run.js';

t.test('counts matrices and weights, and names shards only where experts are asked for', async (t) => {
  const checkpoint = await openFixture('mixtral-sliding-fused');
  const source = { checkpoint, model: openModel(checkpoint) };
  const plain = planExperts(source, false, () => true)!;
  t.match(plain, { matrices: 24, parameters: 24 * 24 * 32, unadaptable: 0, asked: false, shards: [[], []] });
  t.ok(plain.share > 0.5 && plain.share < 1);
  const asked = planExperts(source, true, ({ module }) => module.endsWith('.w2'))!;
  t.equal(asked.shards[1]!.length, 4);
  const [first, second] = asked.shards[1]!;
  t.match(first, { block: 1, dtype: 'F16', ofExpert: true, layer: { module: 'model.layers.1.block_sparse_moe.experts.0.w2' } });
  t.equal(second!.location.offset - first!.location.offset, 2 * 24 * 32, 'parts of one tensor');
});

t.test('a model without experts has no plan for them', async (t) => {
  const checkpoint = await openFixture('llama-grouped-tied');
  const source = { checkpoint, model: openModel(checkpoint) };
  t.equal(
    planExperts(source, false, () => true),
    undefined,
  );
  t.throws(() => planExperts(source, true, () => true), { code: 'QL_EXPERTS' });
});
