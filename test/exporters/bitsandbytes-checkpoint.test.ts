import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint, readTensor, writeSafetensors, type Checkpoint } from '../../src/checkpoint/index.js';
import { openQuantizedCheckpointWriter, type FinishedShard, type QuantizedCheckpointOptions } from '../../src/exporters/index.js';
import { fromFloat32, matrix, random, toFloat32, type RawTensor } from '../../src/foundation/index.js';
import { int8, nf4, type Quantizer } from '../../src/quantizers/index.js';
import { storeTensors } from './store-tensors.js';

const LAYERS = 12;
const modules = Array.from({ length: LAYERS }, (_, i) => `model.layers.${i}.mlp.up_proj`);
const configText = '{\n  "model_type": "llama",\n  "rms_norm_eps": 1e-05,\n  "rope_theta": 10000.0\n}\n';

const bf16 = (shape: readonly number[], seed: number): RawTensor => {
  const stream = random(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return {
    dtype: 'BF16',
    shape,
    bytes: fromFloat32(
      Float32Array.from({ length: count }, () => stream.normal()),
      'BF16',
    ),
  };
};

const source = async (directory: string): Promise<Checkpoint> => {
  await mkdir(directory, { recursive: true });
  const tensors: Record<string, RawTensor> = { 'model.embed_tokens.weight': bf16([50, 32], 1), 'lm_head.weight': bf16([50, 32], 2) };
  modules.forEach((module, i) => {
    tensors[`${module}.weight`] = bf16([48, 32], 10 + i);
    tensors[`${module}.bias`] = bf16([48], 50 + i);
    tensors[`model.layers.${i}.input_layernorm.weight`] = bf16([32], 90 + i);
  });
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json', 'chat_template.jinja', 'notes.txt'])
    await writeFile(join(directory, name), `{"from": "${name}"}`);
  await writeFile(join(directory, 'config.json'), configText);
  return openCheckpoint(directory);
};

/** The same checkpoint as if its shards came and went. */
const fetched = (checkpoint: Checkpoint): Checkpoint => ({
  ...checkpoint,
  supply: {
    ...{ commit: 'a'.repeat(40), files: [...new Set([...checkpoint.tensors.values()].map(({ file }) => file))] },
    ...{ require: async () => undefined, release: async () => undefined, close: async () => undefined },
    announced: async () => ({ sha256: 'ab'.repeat(32), verified: true }),
  },
});

const optionsFor = (directory: string, checkpoint: Checkpoint, quantizer: Quantizer, shardBytes?: number): QuantizedCheckpointOptions => ({
  directory,
  checkpoint,
  modules,
  bits: quantizer.bits,
  quantizationConfig: quantizer.quantizationConfig('BF16', ['lm_head']),
  ...(shardBytes === undefined ? {} : { shardBytes }),
});

const parts = t.testdir();

const write = async (options: QuantizedCheckpointOptions, quantizer: Quantizer, backwards = false): Promise<void> => {
  const { tensors } = options.checkpoint;
  const writer = await openQuantizedCheckpointWriter(options);
  const order = <T>(items: readonly T[]): readonly T[] => (backwards ? items.toReversed() : items);
  for (const location of order(writer.plainTensors)) await writer.addPlain(location);
  for (const module of order(modules)) {
    const location = tensors.get(`${module}.weight`)!;
    const values = toFloat32(await readTensor(location), 'BF16') as Float32Array<ArrayBuffer>;
    const W = matrix(location.shape[0]!, location.shape[1]!, values);
    const { tensors: own } = await quantizer.quantize(W, { module, dtype: 'BF16' });
    const named = Object.fromEntries(Object.entries(own).map(([suffix, tensor]) => [`${module}.${suffix}`, tensor]));
    await writer.addModule(module, await storeTensors(parts, named));
  }
  await writer.close();
};

const contents = async (directory: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(directory)).sort().map(async (name) => [name, await readFile(join(directory, name), 'base64')] as const),
    ),
  );

for (const quantizer of [nf4, int8]) {
  void t.test(`${quantizer.name}: written shards hold quantized and plain tensors, a module's in one shard`, async (t) => {
    const root = t.testdir();
    const checkpoint = await source(join(root, 'source'));
    const directory = join(root, 'base');
    await write(optionsFor(directory, checkpoint, quantizer, 8000), quantizer);
    const base = await openCheckpoint(directory);
    t.ok(base.shards.length > 3, `${base.shards.length} shards`);
    t.match(base.shards[0], /^model-00001-of-0000\d\.safetensors$/);
    for (const module of modules) {
      const parts = [...base.tensors.values()].filter(({ name }) => name.startsWith(`${module}.`));
      t.equal(new Set(parts.map(({ file }) => file)).size, 1, module);
      const read = await Promise.all(
        parts.map(async ({ name, dtype, shape, ...at }) => [
          name.slice(module.length + 1),
          { dtype, shape, bytes: await readTensor({ name, dtype, shape, ...at }) },
        ]),
      );
      const values = toFloat32(await readTensor(checkpoint.tensors.get(`${module}.weight`)!), 'BF16') as Float32Array<ArrayBuffer>;
      const { dequantized } = await quantizer.quantize(matrix(48, 32, values), { module, dtype: 'BF16' });
      const stored = Object.fromEntries(read) as Record<string, RawTensor>;
      t.same(quantizer.dequantize(stored, [48, 32], { module, dtype: 'BF16' }).data, dequantized.data);
      t.same(stored['bias']!.bytes, await readTensor(checkpoint.tensors.get(`${module}.bias`)!));
    }
    const embedding = 'model.embed_tokens.weight';
    t.same(await readTensor(base.tensors.get(embedding)!), await readTensor(checkpoint.tensors.get(embedding)!));
    const total = [...base.tensors.values()].reduce((sum, { length }) => sum + length, 0);
    const index = await readFile(join(directory, 'model.safetensors.index.json'), 'utf8');
    t.equal((JSON.parse(index) as { metadata: { total_size: number } }).metadata.total_size, total);
    t.match(base.configText, /"rope_theta": 10000\.0,\n {2}"quantization_config": \{\n/);
    const names = (await readdir(directory)).filter((name) => !name.startsWith('model'));
    t.same(names.sort(), ['chat_template.jinja', 'config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json']);
  });

  void t.test(`${quantizer.name}: planned sizes bound the shards`, async (t) => {
    const root = t.testdir();
    const checkpoint = await source(join(root, 'source'));
    const directory = join(root, 'base');
    await write(optionsFor(directory, checkpoint, quantizer, 20_000), quantizer);
    const sizes = new Map<string, number>();
    for (const { file, length } of (await openCheckpoint(directory)).tensors.values()) sizes.set(file, (sizes.get(file) ?? 0) + length);
    t.ok(Math.max(...sizes.values()) <= 20_000, [...sizes.values()].join(' '));
  });
}

t.test('the bytes depend neither on the order of arrival nor on where plain tensors are read from', async (t) => {
  const root = t.testdir();
  const checkpoint = await source(join(root, 'source'));
  await write(optionsFor(join(root, 'a'), checkpoint, nf4, 8000), nf4);
  await write(optionsFor(join(root, 'b'), checkpoint, nf4, 8000), nf4, true);
  t.same(await contents(join(root, 'a')), await contents(join(root, 'b')));
  await write(optionsFor(join(root, 'c'), fetched(checkpoint), nf4, 8000), nf4, true);
  t.same(await contents(join(root, 'a')), await contents(join(root, 'c')));
});

t.test('a finished shard is told of, and taken as it is by another writer', async (t) => {
  const root = t.testdir();
  const checkpoint = await source(join(root, 'source'));
  const finished: FinishedShard[] = [];
  const options: QuantizedCheckpointOptions = {
    ...optionsFor(join(root, 'base'), checkpoint, nf4, 8000),
    onShard: async (shard) => void finished.push(shard),
  };
  await write(options, nf4);
  const whole = await contents(options.directory);
  const names = finished.map(({ file }) => file).sort();
  t.same(
    names,
    Object.keys(whole).filter((name) => /^model-.*safetensors$/.test(name)),
  );
  for (const { file, sha256 } of finished) t.equal(createHash('sha256').update(Buffer.from(whole[file]!, 'base64')).digest('hex'), sha256);
  t.same(finished.flatMap((shard) => shard.modules).sort(), [...modules].sort());

  await rm(join(options.directory, 'config.json'));
  await rm(join(options.directory, 'model.safetensors.index.json'));
  const again = await openQuantizedCheckpointWriter(options);
  for (const shard of again.shards) await again.addShard(shard);
  await t.rejects(again.addShard(again.shards[0]!), { code: 'QL_UNPLANNED_TENSOR', message: again.shards[0]!.file });
  await again.close();
  t.same(await contents(options.directory), whole);
});

t.test('one shard has the plain name and no index', async (t) => {
  const root = t.testdir();
  const checkpoint = await source(join(root, 'source'));
  await write(optionsFor(join(root, 'base'), checkpoint, nf4), nf4);
  t.same(
    (await readdir(join(root, 'base'))).filter((name) => name.startsWith('model')),
    ['model.safetensors'],
  );
});

t.test('a quantizer that stores plain weights leaves the config as it is', async (t) => {
  const halves: Quantizer = {
    ...int8,
    name: 'rounded',
    quantize: async (W, options) => {
      const { dequantized } = await int8.quantize(W, options);
      return { dequantized, tensors: { weight: { dtype: 'BF16', shape: [48, 32], bytes: fromFloat32(dequantized.data, 'BF16') } } };
    },
    quantizationConfig: () => undefined,
  };
  const root = t.testdir();
  const checkpoint = await source(join(root, 'source'));
  const directory = join(root, 'base');
  await write(optionsFor(directory, checkpoint, halves, 8000), halves);
  const base = await openCheckpoint(directory);
  t.equal(base.configText, configText);
  t.same([...base.tensors.keys()].sort(), [...checkpoint.tensors.keys()].sort());
});

t.test('what does not belong, and what never came, is refused by name', async (t) => {
  const root = t.testdir();
  const checkpoint = fetched(await source(join(root, 'source')));
  const options = optionsFor(join(root, 'base'), checkpoint, nf4);
  const embedding = checkpoint.tensors.get('model.embed_tokens.weight')!;
  const writer = await openQuantizedCheckpointWriter(options);
  await writer.addPlain(embedding);
  await t.rejects(writer.addPlain(embedding), { code: 'QL_UNPLANNED_TENSOR', message: embedding.name });
  await t.rejects(writer.addModule('lm_heads', []), { code: 'QL_UNPLANNED_TENSOR', message: 'lm_heads' });
  await t.rejects(writer.addPlain({ ...embedding, name: 'other' }), { code: 'QL_UNPLANNED_TENSOR', message: 'other' });
  await t.rejects(writer.close(), { code: 'QL_MISSING_TENSOR', message: /tensors never came.*up_proj/ });
  t.same(await readdir(options.directory), [], 'nothing is left');
  const absent = { ...options, modules: [...modules, 'model.absent'] };
  await t.rejects(openQuantizedCheckpointWriter(absent), { code: 'QL_MISSING_TENSOR', message: 'model.absent.weight' });
  const quantized = { ...options, checkpoint: { ...checkpoint, configText: '{"quantization_config": {}}' } };
  await t.rejects(openQuantizedCheckpointWriter(quantized), { code: 'QL_ALREADY_QUANTIZED' });
});
