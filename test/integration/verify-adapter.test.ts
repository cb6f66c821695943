import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { writeTinyCheckpoint } from './tiny-checkpoint.js';
import {
  initializeSmall,
  rewriteJson,
  rewriteTensors,
  rewriteValues,
  prepareVerification,
  verifySmall,
  wrongs,
} from './verified-output.js';

const directory = t.testdir();
const ADAPTER = 'adapter/adapter_model.safetensors';
const Q = 'model.layers.1.self_attn.q_proj';
const DOWN = 'model.layers.0.mlp.down_proj';
const { model, calibration, untouched, changed } = await prepareVerification(directory);

t.test('a wrong scale is named once for the configuration and for every module', async (t) => {
  for (const change of [{ lora_alpha: 32 }, { use_rslora: true }]) {
    const { unweighted, weighted } = await changed((output) => rewriteJson(output, 'adapter/adapter_config.json', change));
    for (const report of [unweighted, weighted]) {
      t.equal(report.passed, false);
      t.equal(wrongs(report)[0], 'QL_VERIFY_SCALE adapter/adapter_config.json');
      t.equal(report.failures.length, 15);
    }
    const factor = 'lora_alpha' in change ? '2' : '2.828';
    t.match(unweighted.failures[1]?.message, `The product looks scaled by ${factor}:`);
    t.match(
      weighted.failures[1]?.message,
      /captures -?[\d.]+ % of the loss on the calibration tokens, where report.json claims [\d.]+ %\. The product looks scaled/,
    );
  }
});

t.test('a pattern that changes one module is found there', async (t) => {
  const { unweighted, weighted } = await changed((output) =>
    rewriteJson(output, 'adapter/adapter_config.json', { alpha_pattern: { 'layers.1.self_attn.q_proj': 24 } }),
  );
  t.same(wrongs(unweighted), [`QL_VERIFY_PRODUCT ${Q}`]);
  t.same(wrongs(weighted), [`QL_VERIFY_LOSS ${Q}`]);
  t.match(weighted.failures[0]?.message, 'looks scaled by 1.5');
});

t.test('one factor scaled by 2, under an H and under a G', async (t) => {
  for (const module of [Q, DOWN]) {
    const { unweighted, weighted } = await changed((output) =>
      rewriteValues(join(output, ADAPTER), new RegExp(`${module}.lora_B`), (value) => 2 * value),
    );
    t.same(wrongs(unweighted), [`QL_VERIFY_PRODUCT ${module}`]);
    t.same(wrongs(weighted), [`QL_VERIFY_LOSS ${module}`]);
    for (const report of [unweighted, weighted]) t.match(report.failures[0]?.message, 'The product looks scaled by 2:');
  }
});

t.test('a module made worse', async (t) => {
  const { unweighted, weighted } = await changed((output) =>
    rewriteValues(join(output, ADAPTER), /layers\.[01]\.(self_attn\.q|mlp\.down)_proj\.lora_A/, (value) => -value),
  );
  const modules = ['model.layers.0.self_attn.q_proj', DOWN, Q, 'model.layers.1.mlp.down_proj'];
  for (const report of [unweighted, weighted])
    t.same(
      wrongs(report),
      modules.map((module) => `QL_VERIFY_WORSE ${module}`),
    );
});

t.test('a missing, a misshapen, a strange and a damaged tensor', async (t) => {
  const { unweighted, weighted } = await changed(async (output) => {
    await rewriteTensors(join(output, ADAPTER), (name, tensor) => {
      if (name.includes('layers.0.self_attn.q_proj.lora_A')) return undefined;
      if (name.includes('layers.0.self_attn.k_proj.lora_B')) return { ...tensor, shape: [...tensor.shape].reverse() };
      return name.includes('layers.0.self_attn.v_proj.lora_B') ? { ...tensor, dtype: 'I32' } : tensor;
    });
    await rewriteValues(join(output, ADAPTER), /layers\.1\.mlp\.down_proj\.lora_B/, (value, i) => (i === 5 ? NaN : value));
  });
  for (const report of [unweighted, weighted])
    t.same(wrongs(report), [
      'QL_VERIFY_TENSOR_MISSING model.layers.0.self_attn.q_proj',
      'QL_VERIFY_TENSOR_SHAPE model.layers.0.self_attn.k_proj',
      'QL_VERIFY_TENSOR_DTYPE model.layers.0.self_attn.v_proj',
      'QL_VERIFY_NOT_FINITE model.layers.1.mlp.down_proj',
    ]);
  t.match(weighted.failures[1]?.message, 'lora_B is F32 [8, 32], but F32 [32, 8] is claimed');
});

t.test('factors of a module that is not claimed, and targets that leave a module out', async (t) => {
  const { unweighted } = await changed(async (output) => {
    const path = join(output, 'report.json');
    const { modules } = JSON.parse(await readFile(path, 'utf8')) as { modules: { name: string }[] };
    await rewriteJson(output, 'report.json', { modules: modules.filter(({ name }) => name !== Q) });
    await rewriteJson(output, 'adapter/adapter_config.json', {
      target_modules: modules.map(({ name }) => name).filter((name) => name !== DOWN && name !== Q),
    });
  });
  t.same(wrongs(unweighted), [`QL_VERIFY_TARGETS ${DOWN}`, `QL_VERIFY_TENSOR_EXTRA ${Q}`]);
});

t.test("another model's adapter, and another run's", async (t) => {
  const other = join(directory, 'other-model');
  await writeTinyCheckpoint(other, 2);
  await initializeSmall({ model: other, calibration, output: join(directory, 'other') }, { writeBase: false });
  const foreign = await changed((output) =>
    cp(join(directory, 'other', 'adapter'), join(output, 'adapter'), { recursive: true, force: true }),
  );
  for (const report of [foreign.unweighted, foreign.weighted]) t.equal(report.failures.length, 14, 'every module');
  t.match(foreign.unweighted.failures[0]?.message, 'the factors are of another model');

  const run = join(directory, 'other-run');
  await initializeSmall({ model, calibration, output: run }, { writeBase: false, initializer: 'svd' });
  const { weighted } = await changed((output) => cp(join(run, 'adapter'), join(output, 'adapter'), { recursive: true, force: true }));
  t.ok(weighted.failures.length >= 12, 'a correction of this residual that captures less than claimed');
  t.match(weighted.failures[0]?.message, 'the factors may be of another run');

  const wrongModel = await verifySmall({ directory: untouched, model: other });
  t.equal(wrongs(wrongModel)[0], 'QL_VERIFY_MODEL model.safetensors', 'its shards have other hashes');
});
