import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { flipBit, initializeSmall, rewriteJson, rewriteTensors, rewriteValues, prepareVerification, wrongs } from './verified-output.js';

const directory = t.testdir();
const ADAPTER = 'adapter/adapter_model.safetensors';
const BASE = 'base/model.safetensors';
const Q = 'model.layers.1.self_attn.q_proj';
const DOWN = 'model.layers.0.mlp.down_proj';
const { model, calibration, changed } = await prepareVerification(directory);

t.test('a flipped bit in the base is named with its tensor', async (t) => {
  const changes: readonly (readonly [string, string, number])[] = [
    [`${Q}.weight`, Q, 100],
    [`${Q}.weight.absmax`, Q, 3],
    [`${DOWN}.weight.quant_state.bitsandbytes__nf4`, DOWN, 20],
    ['model.embed_tokens.weight', 'model.embed_tokens.weight', 9],
  ];
  for (const [tensor, where, byte] of changes) {
    const { unweighted, weighted } = await changed((output) => flipBit(join(output, BASE), tensor, byte));
    for (const report of [unweighted, weighted]) {
      t.equal(wrongs(report)[0], `QL_VERIFY_BASE ${where}`);
      t.match(report.failures[0]?.message, new RegExp(`${tensor.replaceAll('.', '\\.')} .*(element|byte) ${byte}\\b`));
    }
    t.equal(unweighted.failures.length, 1);
  }
});

t.test('LoftQ answers for its own base', async (t) => {
  const loftq = join(directory, 'loftq');
  await initializeSmall({ model, calibration, output: loftq }, { initializer: 'loftq' });
  const flipped = await changed((output) => flipBit(join(output, BASE), `${Q}.weight`, 100), loftq);
  t.equal(wrongs(flipped.unweighted)[0], `QL_VERIFY_BASE ${Q}`);
  t.match(flipped.unweighted.failures[0]?.message, 'LoftQ, run again');
  const scaled = await changed((output) => rewriteValues(join(output, ADAPTER), new RegExp(`${Q}.lora_B`), (value) => 2 * value), loftq);
  t.same(wrongs(scaled.unweighted), [`QL_VERIFY_PRODUCT ${Q}`]);
  t.match(scaled.weighted.failures[0]?.message, 'looks scaled by 2');
  const alone = await changed((output) => rm(join(output, 'base'), { recursive: true }), loftq);
  t.same(wrongs(alone.unweighted), ['QL_VERIFY_BASE base']);
});

t.test('tensors and settings that the base lacks or should not have', async (t) => {
  const { unweighted } = await changed(async (output) => {
    await rewriteTensors(join(output, BASE), (name, tensor) =>
      name === 'model.norm.weight' || name === `${Q}.weight.absmax` ? undefined : tensor,
    );
    await rewriteJson(output, 'base/config.json', { rms_norm_eps: 1e-6 });
  });
  t.same(wrongs(unweighted), [
    'QL_VERIFY_CONFIG base/config.json',
    'QL_VERIFY_CONFIG base/config.json',
    'QL_VERIFY_TENSOR_MISSING model.norm.weight',
    `QL_VERIFY_TENSOR_MISSING ${Q}`,
  ]);
  t.match(unweighted.failures[0]?.message, '"llm_int8_threshold":6.0', 'JavaScript rewrote 6.0 as 6, which transformers refuses');
  t.match(unweighted.failures[1]?.message, 'rms_norm_eps');
});
