import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { runCli } from '../../src/cli/index.js';
import { QuailoraError } from '../../src/foundation/index.js';
import type { ComparisonReport } from '../../src/reports/index.js';
import { fakeContext, sourceOf } from './fake-context.js';

const report: ComparisonReport = {
  model: 'M',
  quantizer: 'nf4',
  rank: 8,
  calibrationTokens: 100,
  heldOutTokens: 0,
  evaluationTokens: 200,
  perplexity: { fullPrecision: 10, llmInt8: 11, quantized: 13 },
  initializers: [
    { name: 'als', label: 'ALS-20 (the paper)', lossRatio: 0.25, heldOutLossRatio: null, seconds: 2, perplexity: 11.5, gapClosed: 0.75 },
  ],
  arithmetic: { asked: 'auto', used: 'f32', why: 'the model is 64 wide' },
  versions: { quailora: '0.1.0' },
  secondsPerStage: { calibrate: 1 },
  peakRssBytes: 2 ** 29,
};
const line = ['compare', 'M', '--calibration', 'c', '--text', 't', '--output'];
const comparing = { compare: async () => sourceOf([{ type: 'result', result: report }]) };

t.test('a comparison is shown, and saved on request', async (t) => {
  const output = join(t.testdir(), 'out');
  const { context, printed } = fakeContext(comparing);
  t.equal(await runCli([...line, output], context), 0);
  t.match(printed().out, /nf4 \+ ALS-20 \(the paper\) *\| *25\.0 % *\| *- *\| *2\.00 s *\| *11\.500 *\| *75\.0 %/);
  t.same(await readdir(output), ['report.json']);
  t.same(JSON.parse(await readFile(join(output, 'report.json'), 'utf8')), report);

  const again = fakeContext(comparing);
  t.equal(await runCli([...line, output], again.context), 1);
  t.match(again.printed().err, /^QL_OUTPUT_EXISTS /);
  t.equal(await runCli([...line, output, '--fresh'], fakeContext(comparing).context), 0);
});

t.test('a comparison that fails leaves nothing', async (t) => {
  const parent = t.testdir();
  for (const compare of [
    async () => sourceOf<ComparisonReport>([], new QuailoraError('QL_X', 'x')),
    async () => Promise.reject(new QuailoraError('QL_X', 'x')),
  ]) {
    const { context, printed } = fakeContext({ compare });
    t.equal(await runCli([...line, join(parent, 'out')], context), 1);
    t.equal(printed().err, 'QL_X x\n');
    t.same(await readdir(parent), []);
  }
});
