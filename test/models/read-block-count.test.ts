import t from 'tap';
import { openModel } from '../../src/models/index.js';
import { openFixture } from './golden-run.js';

/** One checkpoint of each family, with the key that counts its blocks. */
const FAMILIES: readonly (readonly [fixture: string, key: string])[] = [
  ['llama-grouped-tied', 'num_hidden_layers'],
  ['mistral-sliding', 'num_hidden_layers'],
  ['opt-pre-norm', 'num_hidden_layers'],
  ['bloom-tied', 'n_layer'],
  ['gpt_neox-parallel', 'num_hidden_layers'],
  ['qwen2-upper-window', 'num_hidden_layers'],
  ['qwen3-wide-heads', 'num_hidden_layers'],
  ['phi3-partial-tied', 'num_hidden_layers'],
  ['gemma2-capped', 'num_hidden_layers'],
  ['gemma3-local-global', 'num_hidden_layers'],
  ['mixtral-routed', 'num_hidden_layers'],
  ['qwen3-moe-normalized', 'num_hidden_layers'],
];

t.test('absurd shapes of every family are refused before anything is made for each block, head or token', async (t) => {
  for (const [fixture, key] of FAMILIES) {
    const original = await openFixture(fixture);
    const checkpoint = (replace: Record<string, unknown>): typeof original => ({
      ...original,
      config: { ...original.config, layer_types: null, ...replace },
    });
    for (const blocks of [1e6, 1e9, 1e12, 2 ** 53, 1e308])
      t.throws(() => openModel(checkpoint({ [key]: blocks })), { code: 'QL_CONFIG' }, `${fixture}: ${blocks} blocks`);
    for (const name of ['hidden_size', 'vocab_size', 'num_attention_heads', 'head_dim', 'intermediate_size', 'ffn_dim', 'n_head'])
      if (name in original.config)
        for (const value of [0, -1, 1.5, 1e9, 1e12, 2 ** 53, 1e308, '8', [8]])
          t.throws(
            () => openModel(checkpoint({ [name]: value })),
            { code: /^QL_(CONFIG|MODEL_UNSUPPORTED)$/ },
            `${fixture}: ${name} ${String(value)}`,
          );
  }
});
