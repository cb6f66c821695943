import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readSafetensorsHeader, readTensor, writeSafetensors, type TensorLocation } from '../../src/checkpoint/index.js';
import { adapterTensorName, loraScaling, openPeftAdapterWriter, type PeftAdapterOptions } from '../../src/exporters/index.js';
import { matrix, random, rowMajor, toFloat32, transposed, type Matrix } from '../../src/foundation/index.js';
import { storeTensors } from './store-tensors.js';

const modules = ['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.q_proj'];
const settings = {
  baseModelName: 'org/model',
  modules,
  linearModules: [...modules, 'lm_head'],
  card: '# card\n',
  rank: 3,
  alpha: 16,
  useRslora: false,
};

const normal = (rows: number, columns: number, seed: number): Matrix => {
  const stream = random(seed);
  return matrix(
    rows,
    columns,
    Float32Array.from({ length: rows * columns }, () => stream.normal()),
  );
};

const product = (A: Matrix, Bt: Matrix): number[] => {
  const [m, r] = A.shape as [number, number];
  const n = Bt.shape[1]!;
  return Array.from({ length: m * n }, (_, k) => {
    let sum = 0;
    for (let j = 0; j < r; j++) sum += A.get(Math.floor(k / n), j) * Bt.get(j, k % n);
    return sum;
  });
};

const readMatrix = async (file: string, name: string): Promise<Matrix> => {
  const location = (await readSafetensorsHeader(file, 'adapter')).find((tensor) => tensor.name === name)!;
  t.equal(location.dtype, 'F32');
  return matrix(location.shape[0]!, location.shape[1]!, toFloat32(await readTensor({ ...location, file }), 'F32'));
};

const parts = t.testdir();
const factors = modules.map((_, i) => ({ A: normal(5, 3, 10 + i), B: normal(4, 3, 20 + i) }));

const write = async (options: PeftAdapterOptions, order: readonly number[] = [0, 1]): Promise<void> => {
  const writer = await openPeftAdapterWriter(options);
  for (const i of order) writer.add(modules[i]!, await storeTensors(parts, writer.tensorsOf(modules[i]!, factors[i]!)));
  await writer.close();
};

t.test('scaling times the stored product is A Bᵀ, with and without rank stabilization', async (t) => {
  for (const [alpha, useRslora] of [
    [16, false],
    [128, false],
    [16, true],
    [3, false],
  ] as const) {
    const directory = join(t.testdir(), `${alpha}-${useRslora}`);
    const options = { ...settings, directory, alpha, useRslora };
    await write(options);
    const file = join(directory, 'adapter_model.safetensors');
    for (const [i, module] of modules.entries()) {
      const loraA = await readMatrix(file, adapterTensorName(module, 'lora_A'));
      const loraB = await readMatrix(file, adapterTensorName(module, 'lora_B'));
      t.same(
        [loraA.shape, loraB.shape],
        [
          [3, 4],
          [5, 3],
        ],
      );
      const { A, B } = factors[i]!;
      const wanted = product(A, transposed(B));
      const worst = Math.max(...product(loraB, loraA).map((x, k) => Math.abs(loraScaling(options) * x - wanted[k]!)));
      t.ok(worst < 2e-6, `alpha ${alpha}: ${worst}`);
      const ratio = Math.abs(loraB.get(0, 0) / A.get(0, 0)) / Math.abs(loraA.get(0, 0) / B.get(0, 0));
      t.ok(Math.abs(ratio - 1) < 1e-6, 'both factors carry half of the scaling');
    }
  }
});

t.test('the files are those of a stock adapter, whatever the order of arrival', async (t) => {
  const directory = join(t.testdir(), 'a', 'b');
  await write({ ...settings, directory });
  t.same((await readdir(directory)).sort(), ['README.md', 'adapter_config.json', 'adapter_model.safetensors']);
  t.equal(await readFile(join(directory, 'README.md'), 'utf8'), '# card\n');
  const text = await readFile(join(directory, 'adapter_config.json'), 'utf8');
  const config = JSON.parse(text) as Record<string, unknown>;
  t.same(Object.keys(config), Object.keys(config).sort());
  t.match(config, {
    base_model_name_or_path: 'org/model',
    init_lora_weights: true,
    inference_mode: true,
    lora_alpha: 16,
    peft_type: 'LORA',
    r: 3,
    revision: null,
    target_modules: ['q_proj'],
    task_type: 'CAUSAL_LM',
    use_rslora: false,
  });
  const other = join(t.testdir({}), 'other');
  await write({ ...settings, directory: other, baseModelRevision: 'v1.0' }, [1, 0]);
  t.match(JSON.parse(await readFile(join(other, 'adapter_config.json'), 'utf8')), { revision: 'v1.0' });
  const bytes = (at: string): Promise<Buffer> => readFile(join(at, 'adapter_model.safetensors'));
  const first = await bytes(other);
  await write({ ...settings, directory: other }, [0, 1]);
  t.same(await bytes(other), first);
});

t.test('streamed bytes are those of the whole written at once', async (t) => {
  const directory = t.testdir();
  await write({ ...settings, directory, alpha: 3 });
  const tensors = Object.fromEntries(
    modules.flatMap((module, i) => {
      const raw = (a: Matrix) => ({ dtype: 'F32', shape: a.shape, bytes: new Uint8Array(rowMajor(a).slice().buffer) }) as const;
      return [
        [adapterTensorName(module, 'lora_A'), raw(transposed(factors[i]!.B))],
        [adapterTensorName(module, 'lora_B'), raw(factors[i]!.A)],
      ];
    }),
  );
  await writeSafetensors(join(directory, 'whole'), tensors);
  t.same(await readFile(join(directory, 'adapter_model.safetensors')), await readFile(join(directory, 'whole')), 'alpha = rank: unscaled');
});

t.test('unknown, repeated, missing and misshapen modules are refused by name', async (t) => {
  const directory = t.testdir();
  const writer = await openPeftAdapterWriter({ ...settings, directory });
  const tensorsOf = (module: string): Promise<TensorLocation[]> => storeTensors(parts, writer.tensorsOf(module, factors[0]!));
  const first = await tensorsOf(modules[0]!);
  const head = await tensorsOf('lm_head');
  t.throws(() => writer.add('lm_head', head), { code: 'QL_UNPLANNED_TENSOR', message: 'lm_head' });
  t.throws(() => writer.add(modules[1]!, first), { code: 'QL_UNPLANNED_TENSOR', message: 'not the factors of' });
  writer.add(modules[0]!, first);
  t.throws(() => writer.add(modules[0]!, first), { code: 'QL_UNPLANNED_TENSOR', message: modules[0]! });
  await t.rejects(writer.close(), { code: 'QL_MISSING_TENSOR', message: modules[1]! });
  t.same(await readdir(directory), [], 'nothing is left');
  const narrow = await openPeftAdapterWriter({ ...settings, directory });
  t.throws(() => narrow.tensorsOf(modules[0]!, { A: normal(5, 2, 1), B: normal(4, 3, 1) }), { code: 'QL_SHAPE', message: /A \[5, 2\]/ });
  await t.rejects(openPeftAdapterWriter({ ...settings, directory, alpha: 0 }), { code: 'QL_LORA_SCALING' });
});
