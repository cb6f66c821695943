import t from 'tap';
import { planSolving, requireFit } from '../../src/planning/index.js';
import { planExecution } from '../../src/planning/plan-execution.js';
import { llamaShape, openRun } from './sample-shape.js';

const GIBIBYTE = 2 ** 30;
const run = openRun(llamaShape(4096, 11_008, 32));
const machine = { cores: 8, memoryBytes: 64 * GIBIBYTE };
const plan = (budgetBytes?: number, workers?: number) => planSolving({ run, budgetBytes, workers, machine });
const disk = { directory: '/out', device: 1, freeBytes: 2 ** 50 };

t.test('it holds what the solve of the whole run holds', async (t) => {
  const whole = planExecution({
    ...{ name: 'm', run, tokenSource: 'counted', budgetBytes: undefined, workers: 2, keepsStatistics: false },
    ...{ machine: { ...machine, speed: undefined }, disks: { scratch: disk, output: disk } },
  });
  const solve = whole.stages.find(({ stage }) => stage === 'solve')!;
  t.match(plan(undefined, 2), { peakBytes: solve.totalBytes, peakAt: 'solve dense', layout: { workers: 2, threads: 4 }, advice: [] });
  t.ok(whole.peakBytes > solve.totalBytes, 'calibrating would hold more');
});

t.test('as many workers as a budget lets be', async (t) => {
  const free = plan();
  const one = plan(undefined, 1);
  t.equal(free.layout.workers, 4, 'half of the cores at this width');
  const tight = plan(1.1 * one.peakBytes + 1);
  t.same(tight.layout, { workers: 1, threads: 8 });
  t.equal(tight.smallestBudgetBytes, Math.ceil(1.1 * one.peakBytes));
  requireFit(tight);
});

t.test('a budget that one worker exceeds, or the workers that were asked for, is refused with what would do', async (t) => {
  const least = /At least [\d,]+ MiB would do, on a machine/;
  t.throws(() => requireFit(plan(GIBIBYTE / 4)), { code: 'QL_BUDGET', message: least });
  const alone = /At least [\d,]+ MiB would do, with --workers 1, on a machine/;
  t.throws(() => requireFit(plan(1.2 * plan(undefined, 1).peakBytes, 8)), { code: 'QL_BUDGET', message: alone });
  t.throws(() => requireFit(planSolving({ run, budgetBytes: undefined, workers: 1, machine: { cores: 1, memoryBytes: GIBIBYTE / 4 } })), {
    code: 'QL_BUDGET',
    message: /the machine has 256 MiB/,
  });
});
