import { cp, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import t, { type Test } from 'tap';
import { initialize, type CustomStages } from '../../pipelines/initialize.js';
import { refit } from '../../pipelines/refit.js';
import { rowMajor } from '../../src/foundation/index.js';
import { outputState } from '../../src/journal/index.js';
import type { Quantizer } from '../../src/quantizers/index.js';
import type { KeptStatistics, RefitJob } from '../../src/stages/index.js';
import { liveSessions } from '../../src/runtime/index.js';
import { makeTinyModel, makeTinyWorkplace, tinyJob } from './tiny-model.js';
import { flipBit } from './verified-output.js';

const place = await makeTinyWorkplace(t.testdir());
const init = async (name: string, change: Parameters<typeof tinyJob>[2] = {}, custom?: CustomStages): Promise<void> => {
  await lastValueFrom(initialize(tinyJob(place, name, { writeBase: false, ...change }), custom));
};
/** Refits from an output, which must be refused and leave nothing behind; or, where it computed already, what is finished. */
const refuses = async (
  t: Test,
  from: string,
  change: Partial<RefitJob>,
  wanted: { readonly code: string | RegExp; readonly message?: RegExp },
  left: readonly string[] = ['absent'],
): Promise<void> => {
  const sessions = liveSessions();
  const job = { directory: place.output(from), output: place.output('again'), writeBase: false, fresh: false, workers: 1 };
  await t.rejects(lastValueFrom(refit({ ...job, ...change })), wanted);
  t.ok(left.includes((await outputState(job.output)).kind), left.join(' or '));
  await rm(job.output, { recursive: true, force: true });
  t.equal(liveSessions(), sessions);
};

/** Copies an output and changes the index of its statistics. */
const changed = async (name: string, change: (index: KeptStatistics & Record<string, unknown>) => object): Promise<string> => {
  await cp(place.output('kept'), place.output(name), { recursive: true });
  const path = join(place.output(name), 'statistics', 'statistics.json');
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')) as KeptStatistics & Record<string, unknown>)));
  return name;
};

await init('kept', { keepStatistics: 'used' });

t.test('an output without statistics, and an index that was edited', async (t) => {
  await init('bare');
  await refuses(t, 'bare', {}, { code: 'QL_REFIT_STATISTICS', message: /bare\/statistics\/statistics\.json.*--keep-statistics/ });
  const noRank = await changed('no-rank', ({ options, ...index }) => ({ ...index, options: { ...options, rank: 'many' } }));
  await refuses(t, noRank, {}, { code: 'QL_REFIT_STATISTICS', message: /options\.rank must be .* not "many"/ });
  const outside = await changed('outside', ({ files, ...index }) => ({
    ...index,
    files: files.map((file) => ({ ...file, file: '../x.arrow' })),
  }));
  await refuses(t, outside, {}, { code: 'QL_REFIT_STATISTICS', message: /files\[0\]\.file must be a file name/ });
});

t.test('a budget that it could not keep', async (t) => {
  const wanted = { code: 'QL_BUDGET', message: /its budget is 64 MiB\. At least [\d,]+ MiB would do, on a machine/ };
  await refuses(t, 'kept', { maxMemoryBytes: 64 * 2 ** 20 }, wanted);
});

t.test('a G serves one module, under one quantizer, for initializers that project its residual', async (t) => {
  const hint = /--keep-statistics=all-h/;
  await refuses(t, 'kept', { bits: 8 }, { code: 'QL_REFIT_KEPT', message: /o_proj: .* that nf4 left, not int8/ });
  await refuses(t, 'kept', { bits: 8 }, { code: 'QL_REFIT_KEPT', message: hint });
  await refuses(
    t,
    'kept',
    { initializer: 'loftq', writeBase: true },
    {
      code: 'QL_REFIT_KEPT',
      message: /"loftq" needs more.*all-h/,
    },
  );
  await init('keys', { keepStatistics: 'used', modules: ['k_proj'] });
  await refuses(
    t,
    'keys',
    { modules: ['q_proj'] },
    {
      code: 'QL_REFIT_KEPT',
      message: /q_proj: .*residual of model\.layers\.0\.self_attn\.k_proj/,
    },
  );
});

t.test('a module whose input was not summed', async (t) => {
  await init('values', { keepStatistics: 'used', modules: ['q_proj', 'v_proj'] });
  const message = /o_proj: the run .* had --modules q_proj,v_proj summed nothing that it reads\. .*without --modules, or leave o_proj out/;
  await refuses(t, 'values', { modules: 'all-linear' }, { code: 'QL_REFIT_KEPT', message });
  await refuses(t, 'values', { modules: ['nothing'] }, { code: 'QL_MODULES' });
});

t.test('a file of statistics that is damaged, missing, or another one', async (t) => {
  const name = 'block-1.mlp_input.calibration.arrow';
  const damaged = await changed('damaged', (index) => index);
  const path = join(place.output(damaged), 'statistics', name);
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 4;
  await writeFile(path, bytes);
  await refuses(t, damaged, {}, { code: 'QL_STATISTIC_FILE', message: new RegExp(`${name}.*SHA-256`) }, ['unfinished']);
  const other = join(place.output('kept'), 'statistics', 'block-2.mlp_input.calibration.arrow');
  const sha256 = createHash('sha256')
    .update(await readFile(other))
    .digest('hex');
  const swapped = await changed('swapped', ({ files, ...index }) => ({
    ...index,
    files: files.map((file) => (file.file === name ? { ...file, sha256 } : file)),
  }));
  await copyFile(other, join(place.output(swapped), 'statistics', name));
  await refuses(t, swapped, {}, { code: 'QL_STATISTIC_FILE', message: /says otherwise than statistics\.json/ }, ['unfinished']);
});

t.test('other weights than those that were calibrated', async (t) => {
  const model = place.output('other-model');
  await cp(place.model, model, { recursive: true });
  await flipBit(join(model, 'model-00002-of-00003.safetensors'), 'model.layers.1.mlp.up_proj.weight', 0);
  await refuses(t, 'kept', { model }, { code: 'QL_REFIT_MODEL', message: /model-00002-of-00003\.safetensors has SHA-256/ }, [
    'absent',
    'unfinished',
  ]);
  const wider = await makeTinyModel(place.output('wider'), 'mistral-sliding');
  await refuses(t, 'kept', { model: wider }, { code: /QL_REFIT_(MODEL|KEPT)/ });
  await refuses(t, 'kept', { model: place.output('nowhere/at/all') }, { code: 'QL_CHECKPOINT_MISSING' });
});

t.test("a pipeline's own quantizer has to be replaced by a name", async (t) => {
  const whole: Quantizer = {
    ...{ name: 'whole-numbers', bits: 4, quantizationConfig: () => undefined },
    quantize: (W) => ({
      tensors: { weight: { dtype: 'F32', shape: [...W.shape], bytes: new Uint8Array(rowMajor(W).slice().buffer) } },
      dequantized: { ...W, data: rowMajor(W).map(Math.round) },
    }),
    dequantize: () => {
      throw new Error('not called');
    },
  };
  await init('own', { keepStatistics: 'all-h' }, { quantizer: whole });
  await refuses(t, 'own', {}, { code: 'QL_REFIT_OPTION', message: /quantizer "whole-numbers".*--bits/ });
});
