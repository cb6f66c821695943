import t from 'tap';
import { openModel } from '../../src/models/index.js';
import { modelFamilySuite } from '../contracts/model-family.js';
import { openFixture } from './golden-run.js';
import { dropInput, dropNodes, inBlocks, inHead, setAttribute, setConstant, splitInThirds, withoutEntry } from './mutate-graph.js';

modelFamilySuite(t, 'bloom', [
  {
    name: 'bloom-tied',
    spelledAs4x: true,
    mutations: [
      { label: 'another epsilon', config: { layer_norm_epsilon: 1e-5 } },
      { label: 'the residual after the norms', config: { apply_residual_connection_post_layernorm: true } },
      { label: 'a missing norm of the embeddings', model: withoutEntry },
      { label: 'missing ALiBi', model: inBlocks(dropInput('Attention', 3)) },
      { label: 'a fused product laid out in thirds', model: inBlocks(splitInThirds(4, 4)) },
      { label: 'GELU by the error function', model: inBlocks(setAttribute('Gelu', 'approximate', { text: 'none' })) },
      { label: 'unscaled queries', model: inBlocks(setAttribute('Attention', 'scale', { float: 1 })) },
      { label: 'attention to what comes later', model: inBlocks(setAttribute('Attention', 'is_causal', { int: 0 })) },
      { label: 'a missing final norm', model: inHead(dropNodes('LayerNormalization')) },
    ],
  },
  {
    name: 'bloom-six-heads',
    spelledAs4x: false,
    mutations: [
      { label: 'the embedding as head', config: { tie_word_embeddings: true } },
      {
        label: 'slopes that are one geometric series',
        model: inBlocks(
          setConstant(
            'Mul',
            0,
            [1, 2, 3, 4, 5, 6].map((head) => 2 ** ((-8 * head) / 6)),
          ),
        ),
      },
    ],
  },
  {
    name: 'bloom-residual-after-norm',
    spelledAs4x: false,
    mutations: [{ label: 'the residual before the norms', config: { apply_residual_connection_post_layernorm: false } }],
  },
]);

t.test('windows may be longer than those it was trained on', async (t) => {
  t.equal(openModel(await openFixture('bloom-tied', { seq_length: 16 })).maxPositions, Infinity);
});

t.test('what is not computed is refused by name', async (t) => {
  const open = async (replace: Record<string, unknown>) => openModel(await openFixture('bloom-tied', replace));
  await t.rejects(open({ slow_but_exact: true, pretraining_tp: 4 }), {
    code: 'QL_MODEL_UNSUPPORTED',
    message: /slow_but_exact.*pretraining_tp 4/,
  });
  t.ok(await open({ slow_but_exact: true, pretraining_tp: 1 }), 'one rank slices nothing');
  await t.rejects(open({ n_head: 5 }), { code: 'QL_MODEL_UNSUPPORTED', message: /16.*5 heads/ });
});
