import { join } from 'node:path';
import t from 'tap';
import { nf4, QUANTIZERS } from '../../src/quantizers/index.js';
import { exact, loftq, zero } from '../../src/initializers/index.js';
import { acceptsG, openSourceModel, planCorrection, type CorrectionChoice } from '../../src/stages/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';

const source = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model')));
const choice: CorrectionChoice = {
  bits: 4,
  rank: 4,
  alpha: 16,
  rslora: false,
  alsSteps: 20,
  loftqSteps: 5,
  balance: true,
  modules: 'all-linear',
};

t.test('every linear layer of the blocks is planned', async (t) => {
  const plan = await planCorrection(source, choice);
  t.equal(plan.linears.length, 21);
  t.same(plan.corrected, plan.linears);
  t.same(
    plan.shards.map((shards) => shards.length),
    [7, 7, 7],
  );
  t.match(plan, { dtype: 'BF16', scaling: 4, quantizer: { placed: QUANTIZERS.nf4, self: { name: 'nf4' } } });
  t.equal((await planCorrection(source, { ...choice, bits: 8 })).quantizer.self.name, 'int8');
  t.equal((await planCorrection(source, { ...choice, rslora: true })).scaling, 8);
});

t.test('a choice of modules is by their last name', async (t) => {
  const plan = await planCorrection(source, { ...choice, modules: ['v_proj', 'up_proj'] });
  t.same(
    plan.corrected,
    [0, 1, 2].flatMap((block) => [`model.layers.${block}.self_attn.v_proj`, `model.layers.${block}.mlp.up_proj`]),
  );
  t.equal(plan.linears.length, 21, 'the base is quantized whole');
  const [q, , v] = source.model.linears(0);
  t.notOk(plan.corrects(q!));
  t.ok(plan.corrects(v!));
});

t.test('a name that no layer has is refused, with those there are', async (t) => {
  await t.rejects(planCorrection(source, { ...choice, modules: ['q_proj', 'W_pack', 'lm_head'] }), {
    code: 'QL_MODULES',
    message: /named W_pack, lm_head; it has q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj/,
  });
});

t.test('an adapter of no layer is refused', async (t) => {
  const mixture = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model'), 'mixtral-routed'));
  await t.rejects(planCorrection(mixture, { ...choice, modules: ['w1'], experts: true }), { code: 'QL_MODULES', message: /experts only/ });
  t.ok((await planCorrection(mixture, { ...choice, modules: ['w1', 'q_proj'], experts: true })).corrected.length > 0);
});

t.test('a quantizer can be given as an object', async (t) => {
  const own = { ...nf4, name: 'own' };
  const { quantizer } = await planCorrection(source, choice, own);
  t.equal(quantizer.self, own);
  t.equal(quantizer.placed, own);
});

t.test('a G does for projections of the stock residual only', async (t) => {
  t.ok(acceptsG(exact()));
  t.notOk(acceptsG(loftq({ steps: 1 })));
  t.notOk(acceptsG({ ...exact(), projectsResidual: false }));
  t.equal(acceptsG(zero({ seed: 0, scaling: 1 })), zero({ seed: 0, scaling: 1 }).projectsResidual);
});
