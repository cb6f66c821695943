import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import t from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { plan } from '../../pipelines/plan.js';
import { refit } from '../../pipelines/refit.js';
import { readReport } from '../../src/reports/index.js';
import type { AutomaticBudget, InitializeJob, TokenBudget } from '../../src/stages/index.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';
import { verifySmall } from './verified-output.js';

const place = await makeTinyWorkplace(t.testdir(), undefined, 40_000);
const jobWith = (name: string, budget: TokenBudget | AutomaticBudget, changes: Partial<InitializeJob> = {}): InitializeJob => ({
  ...tinyJob(place, name),
  budget,
  ...changes,
});
const run = (job: InitializeJob) => lastValueFrom(initialize(job).pipe(toArray()));
const bytes = (name: string, file: string) => readFile(join(place.output(name), file));

t.test('what is written with chosen tokens is what is written when their number is given', async (t) => {
  const events = await run(jobWith('auto', { kind: 'auto' }, { workers: 2 }));
  const report = await readReport(join(place.output('auto'), 'report.json'));
  const { chosen, considered, pilotBlocks } = report.tokenChoice!;
  t.equal(report.calibrationTokens, chosen);
  t.ok(chosen < considered, `${chosen} of ${considered}`);
  t.equal(report.heldOutTokens, Math.round(considered / 32 / 4) * 32, 'as many as beside all that were considered');
  const start = events.findIndex(({ type }) => type === 'start');
  t.match(events[start], { calibrationTokens: chosen });
  t.same(
    [...new Set(events.slice(0, start).flatMap((event) => (event.type === 'stage' && event.stage === 'pilot' ? [event.block] : [])))],
    pilotBlocks,
  );

  await run(jobWith('given', { kind: 'tokens', tokens: chosen }));
  for (const file of ['adapter/adapter_model.safetensors', 'base/model.safetensors'])
    t.ok((await bytes('auto', file)).equals(await bytes('given', file)), file);
  t.notOk('tokenChoice' in (await readReport(join(place.output('given'), 'report.json'))));

  await run(jobWith('of', { kind: 'tokens', tokens: chosen, of: considered }));
  const same = await readReport(join(place.output('of'), 'report.json'));
  t.same(
    same.modules.map(({ loss, heldOut }) => ({ loss, heldOut })),
    report.modules.map(({ loss, heldOut }) => ({ loss, heldOut })),
    'held-out text included',
  );
});

t.test('verify takes the chosen tokens again', async (t) => {
  const { failures } = await verifySmall({ directory: place.output('auto'), calibration: place.text, model: place.model });
  t.same(failures, []);
});

t.test('a refit knows what was held out, so verify takes its text again too', async (t) => {
  await run(jobWith('kept', { kind: 'auto' }, { keepStatistics: 'used' }));
  const { tokenChoice } = await readReport(join(place.output('kept'), 'report.json'));
  await lastValueFrom(refit({ directory: place.output('kept'), output: place.output('refit'), rank: 2, writeBase: true, fresh: false }));
  const report = await readReport(join(place.output('refit'), 'report.json'));
  t.ok(tokenChoice);
  t.match(report, { rank: 2, tokenChoice });
  const job = { calibration: place.text, model: place.model };
  const verified = await verifySmall({ directory: place.output('refit'), ...job });
  t.match(verified, { failures: [], weighting: 'calibration' });
});

t.test('plan and init count the pilot', async (t) => {
  const { fresh, ...job } = jobWith('auto', { kind: 'auto' }, { workers: 2 });
  t.equal(fresh, false, 'which a plan has not');
  const last = await lastValueFrom(plan(job));
  if (last.type !== 'result') throw new Error(`a plan ended with ${last.type}`);
  const { stages, pilot, seconds, peakBytes, peakAt } = last.result;
  t.match(pilot, { blocks: 2, triedTokens: 65_536, points: 5 });
  t.ok(pilot!.seconds! > 0 && pilot!.seconds! < seconds!);
  t.ok(stages.some(({ stage }) => stage === 'pilot'));
  const { plan: followed } = await readReport(join(place.output('auto'), 'report.json'));
  t.match(followed, { peakBytes, peakAt });
});

t.test('the generalization of each kind is that of its modules', async (t) => {
  const { generalization, modules, totals } = await readReport(join(place.output('auto'), 'report.json'));
  t.same(
    generalization!.map(({ kind }) => kind),
    ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  );
  t.equal(
    generalization!.reduce((sum, { modules: count }) => sum + count, 0),
    modules.length,
  );
  const mean = generalization!.reduce((sum, { modules: count, heldOutLossRatio }) => sum + count * heldOutLossRatio, 0) / modules.length;
  t.ok(Math.abs(mean - totals.heldOutLossRatio!) < 1e-12);
  await run(jobWith('none', { kind: 'tokens', tokens: 320 }, { heldOutFraction: 0 }));
  t.notOk('generalization' in (await readReport(join(place.output('none'), 'report.json'))), 'nothing without held-out text');
});

t.test('a choice that can not be made leaves nothing behind', async (t) => {
  await t.rejects(run(jobWith('svd', { kind: 'auto' }, { initializer: 'svd' })), { code: 'QL_TOKENS_AUTO' });
  await t.rejects(bytes('svd', 'report.json'), { code: 'ENOENT' });
  await run(jobWith('svd', { kind: 'tokens', tokens: 320 }, { initializer: 'svd' }));
});
