import t from 'tap';
import { openModel } from '../../src/models/index.js';
import { modelFamilySuite } from '../contracts/model-family.js';
import { openFixture, readGolden, runModel } from './golden-run.js';
import { dropNodes, inBlocks, nodesOf, type GraphChange } from './mutate-graph.js';

const exchangeGateAndUp: GraphChange = (graph) => {
  for (const silu of nodesOf(graph, 'QuickGelu')) {
    const product = nodesOf(graph, 'Mul').find(({ input }) => input[0] === silu.output[0])!;
    [silu.input[0], product.input[1]] = [product.input[1]!, silu.input[0]!];
  }
};

modelFamilySuite(t, 'mixtral', [
  {
    name: 'mixtral-routed',
    spelledAs4x: true,
    mutations: [
      { label: 'one expert more a token', config: { num_experts_per_tok: 3 } },
      { label: 'one expert less a token', config: { num_experts_per_tok: 1 } },
      { label: 'another rotary base', config: { rope_parameters: { rope_type: 'default', rope_theta: 10000 } } },
      { label: 'another epsilon', config: { rms_norm_eps: 1e-5 } },
      { label: 'probabilities that are not divided by their sum', model: inBlocks(dropNodes('Div', 1)) },
      { label: 'w1 and w3 exchanged', model: inBlocks(exchangeGateAndUp) },
    ],
  },
  {
    name: 'mixtral-sliding-fused',
    spelledAs4x: false,
    mutations: [
      { label: 'a window that is one longer', config: { sliding_window: 10 } },
      { label: 'a window that is one shorter', config: { sliding_window: 8 } },
      { label: 'a missing window', config: { sliding_window: null } },
    ],
  },
]);

t.test('an expert that no token is routed to has empty sums', async (t) => {
  const name = 'mixtral-routed';
  const golden = await readGolden(name);
  const own = await runModel(await openFixture(name), golden.windows, `${name} counts`);
  const tokens = 2 * golden.windows.flatMap((window) => [...window]).length;
  for (const counts of own.expertTokens)
    t.equal(
      counts!.reduce((sum, count) => sum + count),
      tokens,
      'two experts a token',
    );
  t.equal(own.expertTokens[0]![2], 0);
  t.ok(own.expertTokens[1]!.every((count) => count > 0));
  t.notOk((await golden.values('H.model.layers.0.block_sparse_moe.experts.2.w1')).some(Boolean), 'nor by transformers');
});

t.test('what is not computed, and what does not fit, is refused', async (t) => {
  const open = async (config: Readonly<Record<string, unknown>>): Promise<unknown> =>
    openModel(await openFixture('mixtral-routed', config));
  await t.rejects(open({ hidden_act: 'gelu' }), { code: 'QL_MODEL_UNSUPPORTED', message: /hidden_act "gelu"; silu/ });
  await t.rejects(open({ num_experts_per_tok: 7 }), { code: 'QL_CONFIG', message: /7 experts.*has 6/ });
  await t.rejects(open({ num_local_experts: 8 }), { code: 'QL_CONFIG', message: /experts\.6\.w1/ });
});
