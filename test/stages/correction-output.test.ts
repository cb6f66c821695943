import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
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
  type CorrectionOutput,
  type CorrectionOutputOptions,
  type WeightShard,
} from '../../src/stages/index.js';
import { openCheckpoint, readMatrix, readTensor } from '../../src/checkpoint/index.js';
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
  workDirectory: join(directory, 'work'),
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
  const module = 'model.layers.0.self_attn.q_proj';
  t.same([...(await readTensor(base.tensors.get(`${module}.weight`)!))], [...own[module]!.tensors['weight']!.bytes]);
});

/** The source as if its shards came and went. */
const fetched: typeof source = {
  ...source,
  checkpoint: {
    ...source.checkpoint,
    supply: {
      ...{ commit: 'a'.repeat(40), files: [], announced: async () => ({ sha256: 'ab'.repeat(32), verified: true }) },
      ...{ require: async () => undefined, release: async () => undefined, close: async () => undefined },
    },
  },
};

const writeAll = async (output: CorrectionOutput, shards: readonly WeightShard[], note?: (module: string) => unknown): Promise<void> => {
  for (const shard of shards) {
    const { module } = shard.layer;
    const factors = plan.corrects(shard.layer) ? factorsFor(shard) : undefined;
    await output.write({ module, factors, quantized: await quantize(shard), note: note?.(module) });
  }
};

t.test('plain tensors of a source that comes and goes may be copied shard by shard, and the rest is copied in the end', async (t) => {
  const written = async (copied: number, from: typeof source): Promise<Buffer> => {
    const directory = t.testdir();
    const output = await openCorrectionOutput(options(directory, { source: from }));
    t.equal(output.copiedFiles.size, from === fetched ? 3 : 0);
    for (const file of [...output.copiedFiles].slice(0, copied)) await output.copyPlain(file);
    await writeAll(output, plan.shards.flat());
    await output.finish();
    return readFile(join(directory, 'base', 'model.safetensors'));
  };
  const here = await written(0, source);
  for (const copied of [0, 2, 3]) t.ok((await written(copied, fetched)).equals(here), `${copied} copied before`);
});

const contents = async (directory: string): Promise<Record<string, string>> => {
  const names = ['adapter/adapter_model.safetensors', 'base/model.safetensors', 'base/config.json'];
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'base64')] as const)));
};

for (const from of [source, fetched])
  t.test(
    `what was finished is taken over, ${from === source ? 'from a source on the disk' : 'from one that comes and goes'}`,
    async (t) => {
      const root = t.testdir();
      const [whole, parted] = [join(root, 'whole'), join(root, 'parted')];
      const undisturbed = await openCorrectionOutput(options(whole, { source: from }));
      await writeAll(undisturbed, plan.shards.flat());
      await undisturbed.finish();

      const all = plan.shards.flat();
      const killed = await openCorrectionOutput(options(parted, { source: from }));
      const [file] = killed.copiedFiles;
      if (file !== undefined) await killed.copyPlain(file);
      await writeAll(killed, all.slice(0, 9), (module) => ({ of: module }));

      const goesOn = await openCorrectionOutput(options(parted, { source: from }));
      t.equal(goesOn.copiedFiles.size, from === fetched ? 2 : 0, 'what was copied is not copied again');
      t.same(
        [...goesOn.finished.keys()].sort(),
        all
          .slice(0, 9)
          .map(({ layer }) => layer.module)
          .sort(),
      );
      for (const [module, note] of goesOn.finished) t.same(note, plan.corrected.includes(module) ? { of: module } : null);
      await writeAll(goesOn, all.slice(9));
      // Killed again, after the base is whole and before anything else is.
      const last = await openCorrectionOutput(options(parted, { source: from }));
      t.equal(last.finished.size, all.length);
      await last.finish();
      t.same(await contents(parted), await contents(whole));
    },
  );

t.test('what is damaged is told of and has to come again', async (t) => {
  const directory = t.testdir();
  const output = await openCorrectionOutput(options(directory));
  await writeAll(output, plan.shards.flat().slice(0, 7));
  const parts = join(directory, 'work', 'parts');
  const spoil = async (kind: string, module: string): Promise<void> => {
    const name = (await readdir(join(parts, kind))).find((file) => file.startsWith(module))!;
    const bytes = await readFile(join(parts, kind, name));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(join(parts, kind, name), bytes);
  };
  await spoil('factors', 'model.layers.0.self_attn.q_proj');
  await spoil('base', 'model.layers.0.mlp.up_proj');
  const damaged: string[] = [];
  const again = await openCorrectionOutput(options(directory, { onDamaged: (file) => void damaged.push(file) }));
  t.same(damaged.length, 2);
  t.match(damaged.join(), /q_proj.*|up_proj/);
  t.equal(again.finished.size, 5);
  t.notOk(again.finished.has('model.layers.0.self_attn.q_proj') || again.finished.has('model.layers.0.mlp.up_proj'));
  await writeAll(
    again,
    plan.shards.flat().filter(({ layer }) => !again.finished.has(layer.module)),
  );
  await again.finish();
  t.equal((await openPeftAdapter(join(directory, 'adapter'))).modules.size, plan.corrected.length);
});

t.test('a finished shard of the base that is not what it was is written again', async (t) => {
  const directory = t.testdir();
  const first = await openCorrectionOutput(options(directory));
  await writeAll(first, plan.shards.flat());
  const shard = join(directory, 'base', 'model.safetensors');
  const before = await readFile(shard);
  await truncate(shard, 100);
  const damaged: string[] = [];
  const again = await openCorrectionOutput(options(directory, { onDamaged: (file) => void damaged.push(file) }));
  t.same([again.finished.size, damaged], [0, [shard]]);
  await writeAll(again, plan.shards.flat());
  await again.finish();
  t.same(await readFile(shard), before);
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
