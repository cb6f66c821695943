import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { writeSafetensors } from '../../src/checkpoint/index.js';
import { openPeftAdapter } from '../../src/evaluation/index.js';
import type { RawTensor } from '../../src/foundation/index.js';

const zeros = (...shape: number[]): RawTensor => ({ dtype: 'F32', shape, bytes: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) });
const q = 'model.layers.0.self_attn.q_proj';
const down = 'model.layers.3.mlp.down_proj';
const factors = (module: string, rank: number): Record<string, RawTensor> => ({
  [`base_model.model.${module}.lora_A.weight`]: zeros(rank, 6),
  [`base_model.model.${module}.lora_B.weight`]: zeros(5, rank),
});

const write = async (directory: string, config: unknown, tensors: Record<string, RawTensor>): Promise<string> => {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'adapter_config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  await writeSafetensors(join(directory, 'adapter_model.safetensors'), tensors);
  return directory;
};

const plain = { peft_type: 'LORA', r: 4, lora_alpha: 16 };

t.test('factors and the scaling peft applies to them', async (t) => {
  const directory = t.testdir();
  const open = (config: unknown, tensors = factors(q, 4)): ReturnType<typeof openPeftAdapter> =>
    write(join(directory, 'a'), config, tensors).then(openPeftAdapter);
  const adapter = await open(plain);
  t.same([...adapter.modules.keys()], [q]);
  t.match(adapter.modules.get(q), { A: { shape: [4, 6] }, B: { shape: [5, 4] }, scaling: 4 });
  t.equal((await open({ ...plain, use_rslora: true })).modules.get(q)!.scaling, 8);
  t.equal((await open({ peft_type: 'LORA' }, factors(q, 8))).modules.get(q)!.scaling, 1, "peft's defaults: 8 and 8");
});

t.test('patterns change rank and alpha of the modules they match as peft matches them', async (t) => {
  const directory = t.testdir();
  const config = { ...plain, rank_pattern: { 'layers.3.mlp.down_proj': 2 }, alpha_pattern: { down_proj: 3, own_proj: 99 } };
  const adapter = await openPeftAdapter(await write(join(directory, 'a'), config, { ...factors(q, 4), ...factors(down, 2) }));
  t.equal(adapter.modules.get(q)!.scaling, 4);
  t.equal(adapter.modules.get(down)!.scaling, 1.5);
  const partial = { ...plain, alpha_pattern: { own_proj: 99 } };
  t.equal(
    (await openPeftAdapter(await write(join(directory, 'b'), partial, factors(down, 4)))).modules.get(down)!.scaling,
    4,
    'a part of a name is no match',
  );
});

t.test('what is no adapter that can be applied', async (t) => {
  const directory = t.testdir();
  const refuses = async (config: unknown, tensors: Record<string, RawTensor>, code: string, message: RegExp): Promise<void> => {
    const path = await write(join(directory, 'a'), config, tensors);
    await t.rejects(openPeftAdapter(path), { name: 'AdapterError', code, retryable: false, message });
  };
  await refuses('{', factors(q, 4), 'QL_ADAPTER_MISSING', /adapter_config/);
  await refuses([], factors(q, 4), 'QL_ADAPTER_CONFIG', /no JSON object/);
  await refuses({ ...plain, peft_type: 'IA3' }, factors(q, 4), 'QL_ADAPTER_CONFIG', /IA3/);
  await refuses({ ...plain, use_dora: true }, factors(q, 4), 'QL_ADAPTER_CONFIG', /use_dora/);
  await refuses({ ...plain, r: 'four' }, factors(q, 4), 'QL_ADAPTER_CONFIG', /"r" is "four"/);
  await refuses({ ...plain, r: 3 }, factors(q, 4), 'QL_ADAPTER_TENSOR', /4 rows.*rank 3/);
  const [A, B] = Object.entries(factors(q, 4)) as [[string, RawTensor], [string, RawTensor]];
  await refuses(plain, { [A[0]]: A[1] }, 'QL_ADAPTER_TENSOR', /lora_A but no lora_B/);
  await refuses(plain, { [B[0]]: B[1] }, 'QL_ADAPTER_TENSOR', /lora_B but no lora_A/);
  await refuses(plain, { [A[0]]: A[1], [B[0]]: zeros(5, 3) }, 'QL_ADAPTER_TENSOR', /do not fit/);
  await refuses(
    plain,
    { ...factors(q, 4), 'base_model.model.model.embed_tokens.lora_embedding_A': zeros(4, 6) },
    'QL_ADAPTER_TENSOR',
    /lora_embedding_A/,
  );
  const path = await write(join(directory, 'a'), plain, factors(q, 4));
  await writeFile(join(path, 'adapter_model.safetensors'), 'not a tensor file');
  await t.rejects(openPeftAdapter(path), { name: 'MalformedCheckpointError' });
  await rm(join(path, 'adapter_model.safetensors'));
  await t.rejects(openPeftAdapter(path), { code: 'QL_ADAPTER_MISSING', message: /adapter_model\.safetensors/ });
  await t.rejects(openPeftAdapter(join(directory, 'absent')), { code: 'QL_ADAPTER_MISSING', message: /absent/ });
});
