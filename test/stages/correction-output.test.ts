import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openPeftAdapter } from '../../src/evaluation/index.js';
import { exact, loftq } from '../../src/initializers/index.js';
import { nf4, type QuantizedMatrix } from '../../src/quantizers/index.js';
import {
  openCorrectionOutput,
  openSourceModel,
  planCorrection,
  type CorrectionChoice,
  type CorrectionOutputOptions,
  type WeightShard,
} from '../../src/stages/index.js';
import { openCheckpoint, readMatrix } from '../../src/checkpoint/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';
import { normalMatrix } from '../linalg/naive-engine.js';

const source = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model')));
const choice: CorrectionChoice = {
  bits: 4,
  rank: 2,
  alpha: 8,
  rslora: false,
  alsSteps: 20,
  loftqSteps: 5,
  balance: true,
  modules: ['q_proj'],
};
const plan = await planCorrection(source, choice);
const options = (directory: string, changes: Partial<CorrectionOutputOptions> = {}): CorrectionOutputOptions => ({
  ...{ directory, source, plan, choice, initializer: exact(), writeBase: true, baseModelName: 'tiny' },
  ...changes,
});
const quantize = async ({ layer, dtype, location }: WeightShard): Promise<QuantizedMatrix> =>
  nf4.quantize(await readMatrix(location), { module: layer.module, dtype });
const factorsFor = ({ layer }: WeightShard): { A: ReturnType<typeof normalMatrix>; B: ReturnType<typeof normalMatrix> } => ({
  A: normalMatrix(layer.outFeatures, 2, 1),
  B: normalMatrix(layer.inFeatures, 2, 2),
});
const tree = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();

t.test('factors of the chosen layers and the whole base are written', async (t) => {
  const directory = t.testdir();
  const output = await openCorrectionOutput(options(directory));
  const own: Record<string, QuantizedMatrix> = {};
  for (const shard of [...plan.shards.flat()].reverse()) {
    const { module } = shard.layer;
    const quantized = await quantize(shard);
    const factors = plan.corrects(shard.layer) ? factorsFor(shard) : undefined;
    // An initializer's own Q takes the place of the stock one.
    const replaced =
      module.endsWith('layers.0.self_attn.q_proj') && factors
        ? { ...factors, quantized: { ...quantized, tensors: { ...quantized.tensors } } }
        : factors;
    if (replaced && 'quantized' in replaced) {
      const bytes = replaced.quantized.tensors['weight']!.bytes.map((byte) => byte ^ 0x11);
      own[module] = { ...quantized, tensors: { ...quantized.tensors, weight: { ...quantized.tensors['weight']!, bytes } } };
    }
    await output.write({ module, factors: factors && { ...factors, ...(own[module] && { quantized: own[module] }) }, quantized });
  }
  t.notOk((await tree(directory)).includes('config.json'), 'no checkpoint before the end');
  await output.finish();
  const { modules } = await openPeftAdapter(join(directory, 'adapter'));
  t.same([...modules.keys()].sort(), plan.corrected);
  const base = await openCheckpoint(join(directory, 'base'));
  t.match(base.config, { quantization_config: { load_in_4bit: true } });
  t.ok(
    plan.linears.every((module) => base.tensors.has(`${module}.weight.absmax`)),
    'the base is quantized whole',
  );
  const { readTensor } = await import('../../src/checkpoint/index.js');
  const module = 'model.layers.0.self_attn.q_proj';
  t.same([...(await readTensor(base.tensors.get(`${module}.weight`)!))], [...own[module]!.tensors['weight']!.bytes]);
});

t.test('plain tensors may be copied shard by shard, and the rest is copied in the end', async (t) => {
  const written = async (copied: number): Promise<Buffer> => {
    const directory = t.testdir();
    const output = await openCorrectionOutput(options(directory));
    t.equal(output.copiedFiles.size, 3);
    for (const file of [...output.copiedFiles].slice(0, copied)) await output.copyPlain(file);
    for (const shard of plan.shards.flat())
      await output.write({
        module: shard.layer.module,
        factors: plan.corrects(shard.layer) ? factorsFor(shard) : undefined,
        quantized: await quantize(shard),
      });
    await output.finish();
    return readFile(join(directory, 'base', 'model.safetensors'));
  };
  const [late, early] = [await written(0), await written(2)];
  t.ok(late.equals(early));
  const baseless = await openCorrectionOutput(options(t.testdir(), { writeBase: false }));
  t.equal(baseless.copiedFiles.size, 0);
  await baseless.abort();
});

t.test('giving up leaves no file', async (t) => {
  const directory = t.testdir();
  const output = await openCorrectionOutput(options(directory));
  for (const shard of plan.shards[0]!)
    await output.write({
      module: shard.layer.module,
      factors: plan.corrects(shard.layer) ? factorsFor(shard) : undefined,
      quantized: await quantize(shard),
    });
  await output.abort();
  t.same(await tree(directory), []);
});

t.test('an end before every layer came is an error and leaves no adapter', async (t) => {
  const directory = t.testdir();
  const output = await openCorrectionOutput(options(directory, { writeBase: false }));
  await t.rejects(output.finish(), { code: 'QL_MISSING_TENSOR', message: /q_proj/ });
  t.same(await tree(directory), []);
});

t.test('an initializer with its own weights needs the base', async (t) => {
  const directory = t.testdir();
  await t.rejects(openCorrectionOutput(options(directory, { initializer: loftq({ steps: 1 }), writeBase: false })), {
    code: 'QL_INITIALIZER_BASE',
    message: /--write-base/,
  });
  t.same(await tree(directory), []);
});

t.test('a base that can not be opened leaves no adapter behind', async (t) => {
  const directory = t.testdir();
  await writeFile(join(directory, 'base'), 'a file in its place');
  await t.rejects(openCorrectionOutput(options(directory)), { name: 'FileWriteError' });
  t.same(await tree(directory), ['base']);
});
