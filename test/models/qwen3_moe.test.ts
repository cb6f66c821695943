import t from 'tap';
import { openModel } from '../../src/models/index.js';
import { modelFamilySuite } from '../contracts/model-family.js';
import { openFixture, readGolden, runModel } from './golden-run.js';
import { dropNodes, inBlocks } from './mutate-graph.js';

modelFamilySuite(t, 'qwen3_moe', [
  {
    name: 'qwen3-moe-normalized',
    spelledAs4x: true,
    mutations: [
      { label: 'probabilities that are not divided by their sum', config: { norm_topk_prob: false } },
      { label: 'one expert more a token', config: { num_experts_per_tok: 4 } },
      { label: 'one expert less a token', config: { num_experts_per_tok: 2 } },
      { label: 'missing attention biases', config: { attention_bias: false } },
      { label: 'missing norms of the queries', model: inBlocks(dropNodes('RMSNormalization', 1)) },
      { label: 'missing norms of the keys', model: inBlocks(dropNodes('RMSNormalization', 2)) },
      { label: 'another rotary base', config: { rope_parameters: { rope_type: 'default', rope_theta: 10000 } } },
      { label: 'another epsilon', config: { rms_norm_eps: 1e-6 } },
    ],
  },
  {
    name: 'qwen3-moe-sparse-step',
    spelledAs4x: true,
    mutations: [
      { label: 'probabilities that are divided by their sum', config: { norm_topk_prob: true } },
      { label: 'a window that is one longer', config: { sliding_window: 10 } },
      { label: 'a window that is one shorter', config: { sliding_window: 8 } },
      { label: 'a window where none is used', config: { use_sliding_window: false } },
    ],
  },
]);

t.test('dense blocks among sparse ones have the linear layers of dense ones', async (t) => {
  for (const [name, sparse] of [
    ['qwen3-moe-normalized', [true, false, true]],
    ['qwen3-moe-sparse-step', [false, true]],
  ] as const) {
    const model = openModel(await openFixture(name));
    for (const [block, isSparse] of sparse.entries()) {
      const names = model.linears(block).map(({ module }) => module.replace(/.*\d+\./, ''));
      const attention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((layer) => `self_attn.${layer}`);
      t.same(names, isSparse ? attention : [...attention, 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'], `${name} ${block}`);
      t.equal(model.mixture?.(block) !== undefined, isSparse);
      t.equal(model.unquantizedModules.includes(`model.layers.${block}.mlp`), isSparse);
    }
  }
});

t.test('tokens are counted by expert', async (t) => {
  const name = 'qwen3-moe-normalized';
  const { windows } = await readGolden(name);
  const { expertTokens } = await runModel(await openFixture(name), windows, `${name} counts`);
  t.same(
    expertTokens.map((counts) => counts?.reduce((sum, count) => sum + count)),
    [3 * 64, undefined, 3 * 64],
  );
});

t.test('what does not fit the tensors is refused', async (t) => {
  const open = async (config: Readonly<Record<string, unknown>>): Promise<unknown> =>
    openModel(await openFixture('qwen3-moe-normalized', config));
  await t.rejects(open({ mlp_only_layers: [] }), { code: 'QL_CONFIG', message: /layers\.1\.mlp\.experts\.0/ });
  await t.rejects(open({ decoder_sparse_step: 2 }), { code: 'QL_CONFIG', message: /layers\.0\.mlp\.gate_proj/ });
  await t.rejects(open({ mlp_only_layers: [1, 3] }), { code: 'QL_MODEL_UNSUPPORTED', message: /1, 3.*0 to 2/ });
  await t.rejects(open({ hidden_act: 'relu' }), { code: 'QL_MODEL_UNSUPPORTED' });
});
