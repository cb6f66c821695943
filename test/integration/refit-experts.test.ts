import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import t from 'tap';
import { refit } from '../../pipelines/refit.js';
import { readReport } from '../../src/reports/index.js';
import type { RefitJob } from '../../src/stages/index.js';
import { writeTinyText } from './tiny-checkpoint.js';
import { writeTinyMixture } from './tiny-mixture.js';
import { initializeSmall, verifySmall } from './verified-output.js';

const directory = t.testdir();
const output = (name: string): string => join(directory, name);
const [model, calibration] = [output('model'), output('text.txt')];
await writeTinyMixture(model);
await writeTinyText(calibration);
const again = async (from: string, name: string, change: Partial<RefitJob>): Promise<void> => {
  await lastValueFrom(refit({ directory: output(from), output: output(name), writeBase: true, fresh: false, workers: 2, ...change }));
};

t.test('experts are corrected again, sharing sums as their new rank asks', async (t) => {
  await initializeSmall({ model, calibration, output: output('kept') }, { experts: true, initializer: 'exact', keepStatistics: 'used' });
  await initializeSmall({ model, calibration, output: output('wide') }, { experts: true, initializer: 'exact', rank: 24 });
  await again('kept', 'wide-again', { rank: 24 });
  for (const part of ['adapter', 'base', 'experts'])
    for (const file of await readdir(join(output('wide'), part)))
      t.ok(
        (await readFile(join(output('wide'), part, file))).equals(await readFile(join(output('wide-again'), part, file))),
        `${part}/${file}`,
      );
  const [kept, wide, wideAgain] = await Promise.all(
    ['kept', 'wide', 'wide-again'].map((name) => readReport(join(output(name), 'report.json'))),
  );
  t.same(wideAgain!.experts!.routing, wide!.experts!.routing);
  const shared = ({ experts }: typeof wide & object): number =>
    experts!.corrected!.modules.filter(({ statistics }) => statistics === 'shared').length;
  t.equal(shared(wideAgain!), shared(wide!));
  t.ok(shared(kept!) < shared(wide!), 'a larger rank shares more');
  t.match(await verifySmall({ directory: output('wide-again'), calibration }), { passed: true, failures: [], expertMatrices: 30 });
});

t.test('experts can be left out, and are refused where their sums were not kept', async (t) => {
  await again('kept', 'without', { experts: false });
  t.same((await readdir(output('without'))).sort(), ['adapter', 'base', 'report.json']);
  await initializeSmall({ model, calibration, output: output('dense') }, { keepStatistics: 'used' });
  await t.rejects(again('dense', 'asked', { experts: true }), { code: 'QL_REFIT_KEPT', message: /w1: .*--experts --keep-statistics/ });
});
