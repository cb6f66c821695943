import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { rowMajor } from '../../src/foundation/index.js';
import { farthest, fixtureDirectory, openFixture, readGolden, runModel } from './golden-run.js';

const fixtures = ['llama-grouped-tied', 'llama-biases', 'llama-rope-linear', 'llama-rope-llama3', 'mistral-sliding', 'mistral-full'];

for (const name of fixtures)
  t.test(`${name} equals transformers`, async (t) => {
    const golden = await readGolden(name);
    const own = await runModel(await openFixture(name), golden.windows, name);
    for (const [block, values] of own.blocks.entries()) {
      const expected = await golden.values(`block.${block}`);
      t.ok(farthest(values, expected) <= 1e-4 * Math.max(...expected.map(Math.abs)), `block ${block}`);
    }
    for (let block = 0; block < own.model.blocks; block++)
      for (const { module, input } of own.model.linears(block)) {
        if (!/(q|o|gate|down)_proj$/.test(module)) continue;
        const expected = await golden.values(`H.${module}`);
        const sum = rowMajor(own.sums[block]!.get(input)!);
        t.ok(farthest(sum, expected) <= 1e-4 * Math.max(...expected.map(Math.abs)), `H of ${module}`);
      }
    const difference = farthest(own.logprobs, await golden.values('logprobs'));
    t.ok(difference <= 1e-4, `log-probabilities differ by at most ${difference}`);
  });

for (const name of fixtures)
  t.test(`${name} reads the spelling of transformers 4`, async (t) => {
    const golden = await readGolden(name);
    const checkpoint = await openFixture(name);
    const config = JSON.parse(await readFile(join(fixtureDirectory(name), 'config-4x.json'), 'utf8')) as Record<string, unknown>;
    const own = await runModel({ ...checkpoint, config }, golden.windows, `${name} 4.x`);
    t.ok(farthest(own.logprobs, await golden.values('logprobs')) <= 1e-4);
  });

t.test('the goldens would notice a wrong architecture', async (t) => {
  const mutations: [string, Record<string, unknown>][] = [
    ['llama-biases', { rms_norm_eps: 1e-6 }],
    ['llama-biases', { attention_bias: false }],
    ['llama-biases', { mlp_bias: false }],
    ['llama-grouped-tied', { rope_parameters: { rope_type: 'default', rope_theta: 10000 } }],
    ['llama-rope-linear', { rope_parameters: { rope_type: 'default', rope_theta: 10000 } }],
    ['llama-rope-llama3', { rope_parameters: { rope_type: 'default', rope_theta: 10000 } }],
    ['mistral-sliding', { sliding_window: null }],
  ];
  for (const [name, replace] of mutations) {
    const golden = await readGolden(name);
    const own = await runModel(await openFixture(name, replace), golden.windows, `${name} ${JSON.stringify(replace)}`);
    const difference = farthest(own.logprobs, await golden.values('logprobs'));
    t.ok(difference > 1e-3, `${name} with ${JSON.stringify(replace)} differs by ${difference}`);
  }
});
