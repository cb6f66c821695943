import { join } from 'node:path';
import t from 'tap';
import { checkKept, checkSameWeights } from '../../src/stages/check-kept.js';
import { openSourceModel, planCorrection, resolvePlaced, STOCK_SETTINGS, stockInitializer } from '../../src/stages/index.js';
import type { InitializerName, KeptFile, KeptStatistics } from '../../src/stages/index.js';
import type { Initializer } from '../../src/initializers/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';
import { sampleKept } from './sample-kept.js';

const source = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model')));

/** An H for every input, and of the narrowing last one a G. */
const files = (down: Partial<KeptFile> = {}): KeptFile[] =>
  Array.from({ length: source.model.blocks }, (_, block) => {
    const linears = source.model.linears(block);
    return source.model.inputs(block).map(({ name: input, width: n }): KeptFile => {
      const modules = linears.filter((layer) => layer.input === input).map(({ module }) => module);
      const known = {
        block,
        input,
        n,
        modules,
        split: 'calibration',
        kind: 'H',
        tokens: 64,
        file: 'x.arrow',
        bytes: 9,
        sha256: '0',
      } as const;
      return input === 'mlp_hidden' ? { ...known, kind: 'G', n: 32, quantizer: 'nf4', ...down } : known;
    });
  }).flat();

const check = async (kept: Partial<KeptStatistics>, bits: 4 | 8 = 4, name: InitializerName = 'exact'): Promise<void> => {
  const plan = await planCorrection(source, { ...STOCK_SETTINGS, bits });
  checkKept({ ...sampleKept(), ...kept }, plan, await resolvePlaced<Initializer>(stockInitializer(name, STOCK_SETTINGS)));
};

t.test('a G serves its module, its quantizer, and what projects the residual', async (t) => {
  for (const name of ['exact', 'als', 'svd', 'zero'] as const) await check({ files: files() }, 4, name);
  await t.rejects(check({ files: files() }, 8), {
    code: 'QL_REFIT_KEPT',
    message: /layers\.0\.mlp\.down_proj: .* that nf4 left, not int8.*=all-h/,
  });
  await t.rejects(check({ files: files() }, 4, 'loftq'), { code: 'QL_REFIT_KEPT', message: /"loftq" needs more than that.*=all-h/ });
  const others = files({ modules: ['model.layers.9.mlp.down_proj'] });
  await t.rejects(check({ files: others }), { code: 'QL_REFIT_KEPT', message: /residual of model\.layers\.9/ });
  const H = files({ kind: 'H', n: source.model.inputs(0).at(-1)!.width, quantizer: undefined });
  for (const name of ['exact', 'loftq'] as const) await check({ files: H }, 8, name);
});

t.test('sums of another size, and none', async (t) => {
  await t.rejects(check({ files: files({ n: 31 }) }), { code: 'QL_REFIT_MODEL', message: /the G that was kept for it has 31 rows/ });
  const first = files().filter(({ input }) => input !== 'attention_output');
  await t.rejects(check({ files: first }), { code: 'QL_REFIT_KEPT', message: /o_proj: .* summed nothing that it reads/ });
  await t.rejects(check({ files: files().map((file) => ({ ...file, split: 'heldOut' as const })) }), { code: 'QL_REFIT_KEPT' });
});

t.test('weights are compared file by file', async (t) => {
  const kept = { ...sampleKept(), shardHashes: [{ file: 'a.safetensors', sha256: '11' }] };
  checkSameWeights(kept, { 'a.safetensors': '11' });
  for (const hashes of [{ 'a.safetensors': '22' }, { 'b.safetensors': '11' }, { 'a.safetensors': '11', 'b.safetensors': '33' }])
    t.throws(() => checkSameWeights(kept, hashes), { code: 'QL_REFIT_MODEL', message: /safetensors has SHA-256/ });
});
