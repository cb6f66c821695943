import { join } from 'node:path';
import t from 'tap';
import { exact } from '../../src/initializers/index.js';
import { openSourceModel, planCorrection, planRefit, stockInitializer, STOCK_SETTINGS, type KeptFile } from '../../src/stages/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';
import { sampleKept } from './sample-kept.js';

const source = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model')));
const choice = { ...STOCK_SETTINGS, experts: false };
const chosen = {
  ...{ ...source, choice, plan: await planCorrection(source, choice) },
  initializer: { placed: stockInitializer('exact', choice), self: exact() },
};
const job = { directory: 'out', output: 'again', writeBase: false, fresh: false, workers: 1 };

const file = (kind: 'H' | 'G'): KeptFile => ({
  ...{ block: 0, input: 'mlp_hidden', split: 'calibration', kind, n: 8, tokens: 1, modules: [] },
  ...{ file: 'a.arrow', bytes: 1, sha256: '' },
});

t.test('the sums are those that were kept', async (t) => {
  const of = (kind: 'H' | 'G'): number => planRefit(job, chosen, { ...sampleKept(), files: [file(kind)] }).peakBytes;
  t.ok(of('G') < of('H'), 'a G of what a narrowing layer reads is smaller than an H');
});

t.test("the budget and the workers are the job's", async (t) => {
  const plan = planRefit({ ...job, workers: 3, maxMemoryBytes: 2 ** 40 }, chosen, sampleKept());
  t.match(plan, { layout: { workers: 3 }, budgetBytes: 2 ** 40, advice: [] });
  t.equal(planRefit(job, chosen, sampleKept()).budgetBytes, null);
});
