import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { InitializeJob } from '../../src/stages/index.js';
import { writeTinyText } from './tiny-checkpoint.js';
import { initializeSmall, rewriteJson, prepareVerification, verifySmall, wrongs } from './verified-output.js';

const directory = t.testdir();
const ADAPTER = 'adapter/adapter_model.safetensors';
const { model, calibration, untouched, changed } = await prepareVerification(directory);

t.test('what init wrote passes, with every initializer, quantizer and scaling', async (t) => {
  const cases: Readonly<Record<string, Partial<InitializeJob>>> = {
    als: {},
    'exact, 8 bits, alpha 128': { initializer: 'exact', bits: 8, alpha: 128 },
    'svd, rsLoRA, without a base': { initializer: 'svd', rslora: true, writeBase: false },
    'exact, a subset of modules, drawn samples': {
      initializer: 'exact',
      modules: ['q_proj', 'down_proj'],
      calibration: join(directory, 'lines.jsonl'),
      budget: { kind: 'samples', samples: 20 },
      heldOutFraction: 0.1,
    },
    'zero, nothing held out': { initializer: 'zero', heldOutFraction: 0 },
    loftq: { initializer: 'loftq' },
  };
  const records = (await readFile(calibration, 'utf8')).split('\n').map((text) => JSON.stringify({ text }));
  await writeFile(join(directory, 'lines.jsonl'), records.join('\n'));
  for (const [name, change] of Object.entries(cases)) {
    const output = name === 'als' ? untouched : join(directory, name.replaceAll(/\W/g, '-'));
    if (output !== untouched) await initializeSmall({ model, calibration, output }, change);
    const modules = Array.isArray(change.modules) ? 4 : 14;
    for (const text of [{}, { calibration: change.calibration ?? calibration }]) {
      const report = await verifySmall({ directory: output, ...text });
      const label = `${name}, ${'calibration' in text ? 'with a text' : 'without a text'}`;
      t.same(report.failures, [], label);
      t.equal(report.passed, true, label);
      t.equal(report.adapterModules, modules, label);
      t.equal(report.baseModules, change.writeBase === false ? null : 14, label);
      t.equal(report.weighting, 'calibration' in text ? 'calibration' : 'unweighted', label);
      if (change.initializer === 'zero') t.equal(report.captured, 0, label);
      else t.ok(report.captured > 0.1 && report.captured < 1, `${label}: captured ${report.captured}`);
    }
  }
});

t.test('another text is told from a wrong adapter', async (t) => {
  const otherText = join(directory, 'other.txt');
  await writeTinyText(otherText, 7);
  const report = await verifySmall({ directory: untouched, calibration: otherText });
  t.equal(report.passed, false);
  t.ok(report.failures.every(({ code }) => code === 'QL_VERIFY_STATISTICS'));
});

t.test('what can not be opened is an error or a failure that says so', async (t) => {
  const { unweighted } = await changed(async (output) => {
    await writeFile(join(output, ADAPTER), 'short');
    await writeFile(join(output, 'base', 'config.json'), '{');
  });
  t.same(wrongs(unweighted), ['QL_VERIFY_ADAPTER adapter', 'QL_VERIFY_BASE base']);
  const moved = join(directory, 'moved');
  await cp(untouched, moved, { recursive: true });
  await rewriteJson(moved, 'report.json', { model: join(directory, 'gone') });
  await t.rejects(verifySmall({ directory: moved }), { code: 'QL_VERIFY_MODEL', message: /gone.*--model/s });
  t.equal((await verifySmall({ directory: moved, model })).passed, true);
  await rewriteJson(moved, 'report.json', { quantizer: 'int4-rows' });
  await t.rejects(verifySmall({ directory: moved, model }), { code: 'QL_VERIFY_QUANTIZER' });
  await t.rejects(verifySmall({ directory: join(directory, 'none') }), { code: 'QL_REPORT' });
});
