import t from 'tap';
import { openModel, type LinearLayer } from '../../src/models/index.js';
import { chooseStatistics } from '../../src/planning/index.js';
import { openFixture } from '../models/golden-run.js';

// hidden 32, feed-forward 40, 4 heads of 10.
const model = openModel(await openFixture('llama-grouped-tied'));
const kinds = (corrected: (layer: LinearLayer) => boolean, acceptsG: boolean): string[] =>
  chooseStatistics(model, 1, corrected, acceptsG).map(({ input, width, kind, layer }) =>
    [input, width, kind, layer?.module ?? '-'].join(' '),
  );

t.test('one H for layers that share an input, a G where a single layer narrows', async (t) => {
  t.same(
    kinds(() => true, true),
    [
      'attention_input 32 H -',
      'attention_output 40 G model.layers.1.self_attn.o_proj',
      'mlp_input 32 H -',
      'mlp_hidden 40 G model.layers.1.mlp.down_proj',
    ],
  );
});

t.test('H everywhere for an initializer that needs it', async (t) => {
  t.same(
    kinds(() => true, false),
    ['attention_input 32 H -', 'attention_output 40 H -', 'mlp_input 32 H -', 'mlp_hidden 40 H -'],
  );
});

t.test('only what corrected layers read', async (t) => {
  const only =
    (...names: string[]) =>
    ({ module }: LinearLayer): boolean =>
      names.some((name) => module.endsWith(name));
  t.same(kinds(only('k_proj'), true), ['attention_input 32 G model.layers.1.self_attn.k_proj'], 'alone, and narrower than its input');
  t.same(kinds(only('k_proj', 'v_proj'), true), ['attention_input 32 H -']);
  t.same(kinds(only('q_proj', 'gate_proj'), true), ['attention_input 32 H -', 'mlp_input 32 H -'], 'wider than their inputs');
  t.same(
    kinds(() => false, true),
    [],
  );
});
