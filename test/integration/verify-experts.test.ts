import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readReport } from '../../src/reports/index.js';
import { writeTinyText } from './tiny-checkpoint.js';
import { writeTinyMixture } from './tiny-mixture.js';
import { initializeSmall, rewriteJson, rewriteTensors, rewriteValues, verifySmall, wrongs } from './verified-output.js';

const directory = t.testdir();
const [model, calibration, untouched] = [join(directory, 'model'), join(directory, 'text.txt'), join(directory, 'untouched')];
const FACTORS = 'experts/expert_factors.safetensors';
await writeTinyMixture(model);
await writeTinyText(calibration);
await initializeSmall({ model, calibration, output: untouched }, { experts: true, initializer: 'exact' });

t.test('verify measures the experts, and notices what was changed', async (t) => {
  for (const text of [{}, { calibration }]) {
    const report = await verifySmall({ directory: untouched, ...text });
    t.same(report.failures, []);
    t.match(report, { passed: true, adapterModules: 8, expertMatrices: 30 });
  }
  let copies = 0;
  const changed = async (change: (copy: string) => Promise<void>): Promise<string> => {
    const copy = join(directory, `copy-${copies++}`);
    await cp(untouched, copy, { recursive: true });
    await change(copy);
    return copy;
  };
  const name = 'model.layers.1.block_sparse_moe.experts.3.w1';
  const cases: readonly (readonly [string, (file: string) => Promise<void>])[] = [
    [`QL_VERIFY_PRODUCT ${name}`, (file) => rewriteValues(file, /experts\.3\.w1\.A$/, (value, i) => (i % 8 === 0 ? -value : value))],
    [`QL_VERIFY_TENSOR_MISSING ${name}`, (file) => rewriteTensors(file, (tensor, raw) => (tensor === `${name}.B` ? undefined : raw))],
    [`QL_VERIFY_NOT_FINITE ${name}`, (file) => rewriteValues(file, /1\..*experts\.3\.w1\.B$/, () => NaN)],
  ];
  for (const [expected, change] of cases) {
    const unweighted = await verifySmall({ directory: await changed((copy) => change(join(copy, FACTORS))) });
    t.ok(wrongs(unweighted).includes(expected), `${expected}: ${wrongs(unweighted).join()}`);
  }
  const copy = await changed(async (copy) => {
    const report = await readReport(join(copy, 'report.json'));
    const modules = report.experts!.corrected!.modules.map((matrix) => (matrix.name === name ? { ...matrix, tokens: 7 } : matrix));
    await rewriteJson(copy, 'report.json', { experts: { ...report.experts, corrected: { ...report.experts!.corrected, modules } } });
  });
  t.same(wrongs(await verifySmall({ directory: copy })), [], 'no text, no routing');
  t.same(wrongs(await verifySmall({ directory: copy, calibration })), [`QL_VERIFY_STATISTICS ${name}`]);
  const gone = await changed((copy) => rewriteTensors(join(copy, FACTORS), () => undefined));
  t.equal(wrongs(await verifySmall({ directory: gone })).length, 60, 'both factors of each matrix');
});
