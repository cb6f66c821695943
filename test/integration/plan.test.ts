import { readdir } from 'node:fs/promises';
import { lastValueFrom } from 'rxjs';
import t from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { plan } from '../../pipelines/plan.js';
import type { ExecutionPlan } from '../../src/planning/index.js';
import type { InitializationReport } from '../../src/reports/index.js';
import type { InitializeJob, PlanJob } from '../../src/stages/index.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';

const place = await makeTinyWorkplace(t.testdir());

const planned = async ({ fresh, ...job }: InitializeJob): Promise<ExecutionPlan> => {
  t.equal(fresh, tinyJob(place, 'any').fresh);
  const last = await lastValueFrom(plan(job satisfies PlanJob));
  if (last.type !== 'result') throw new Error(`a plan ended with ${last.type}`);
  return last.result;
};

const initialized = async (job: InitializeJob): Promise<InitializationReport> => {
  const last = await lastValueFrom(initialize(job));
  if (last.type !== 'result') throw new Error(`init ended with ${last.type}`);
  return last.result;
};

t.test('init follows the plan that plan shows, and keeps it in its report', async (t) => {
  const job = tinyJob(place, 'same', { workers: 1 });
  const shown = await planned(job);
  t.ok(shown.fits && shown.seconds! > 0);
  const report = await initialized(job);
  t.match(report.plan, {
    ...{ peakBytes: shown.peakBytes, peakAt: shown.peakAt, budgetBytes: null, workers: 1, threads: shown.layout.threads },
    ...{ floats: shown.floats, scratchBytes: shown.scratchBytes, outputBytes: shown.outputBytes },
  });
});

t.test('a plan computes and writes nothing', async (t) => {
  await planned(tinyJob(place, 'unwritten'));
  await t.rejects(readdir(place.output('unwritten')), { code: 'ENOENT' });
});

t.test('a budget that can not be kept is refused before anything is written', async (t) => {
  const job = tinyJob(place, 'refused', { maxMemoryBytes: 32 * 2 ** 20 });
  t.notOk((await planned(job)).fits);
  await t.rejects(initialized(job), { code: 'QL_BUDGET', message: /its budget is 32 MiB.*--max-memory \d+MiB/ });
  await t.rejects(readdir(place.output('refused')), { code: 'ENOENT' });
});

t.test('the least budget that a plan names is kept', async (t) => {
  const { smallestBudgetBytes } = await planned(tinyJob(place, 'least'));
  const { plan: kept, peakRssBytes } = await initialized(tinyJob(place, 'least', { maxMemoryBytes: smallestBudgetBytes }));
  t.match(kept, { budgetBytes: smallestBudgetBytes, workers: 1 });
  // The tests' own modules are in this process, so its memory is not the command's: `make bench-plan` measures that.
  t.type(peakRssBytes, 'number');
});
