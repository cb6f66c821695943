import t from 'tap';
import { planExecution, requireFit, type PlanRequest } from '../../src/planning/index.js';
import { llamaShape, openRun, SPEED } from './sample-shape.js';

const GIBIBYTE = 2 ** 30;
const disk = (directory: string, device: number, freeBytes = 1000 * GIBIBYTE) => ({ directory, device, freeBytes });

const request = (more: Partial<PlanRequest> = {}): PlanRequest => ({
  name: 'M',
  run: openRun(llamaShape(6656, 17_920, 60), { calibrationTokens: 32_768 }),
  tokenSource: 'assumed',
  ...{ budgetBytes: undefined, workers: undefined, keepsStatistics: false },
  machine: { cores: 2, memoryBytes: 24 * GIBIBYTE, speed: undefined },
  disks: { scratch: disk('/s', 1), output: disk('/o', 1) },
  ...more,
});

t.test('a 30B model fits into 6 GiB with one worker, whatever its depth', async (t) => {
  const plan = planExecution(request({ budgetBytes: 6 * GIBIBYTE }));
  t.ok(plan.fits);
  t.same(plan.layout, { workers: 1, threads: 2 });
  t.ok(plan.peakBytes <= 6 * GIBIBYTE && plan.peakBytes > 3 * GIBIBYTE);
  t.equal(plan.peakAt, 'calibrate dense');
  t.ok(plan.smallestBudgetBytes <= Math.ceil(1.1 * plan.peakBytes));
  const shallow = planExecution(request({ budgetBytes: 6 * GIBIBYTE, run: openRun(llamaShape(6656, 17_920, 2)) }));
  t.equal(shallow.peakBytes, plan.peakBytes);
  requireFit(plan);
});

t.test('the stages add up, and the peak is the largest', async (t) => {
  const { stages, peakBytes } = planExecution(request());
  t.same(
    stages.map(({ stage, blocks }) => [stage, blocks]),
    [
      ['start', 0],
      ['embed', 0],
      ['calibrate', 60],
      ['solve', 60],
      ['write', 0],
    ],
  );
  for (const { bytes, totalBytes } of stages) {
    t.equal(
      Object.values(bytes).reduce((sum: number, part: number) => sum + part, 0),
      totalBytes,
    );
    for (const part of Object.values(bytes) as number[]) t.ok(Number.isSafeInteger(part) && part >= 0);
  }
  t.equal(peakBytes, Math.max(...stages.map(({ totalBytes }) => totalBytes)));
});

t.test('what decides floats does not follow from cores, workers or the memory of the machine', async (t) => {
  const budgetBytes = planExecution(request({ workers: 1 })).peakBytes - 1;
  const floats = (more: Partial<PlanRequest>) => planExecution(request({ budgetBytes, ...more })).floats;
  const first = floats({});
  t.not(first.segmentTokens, 4096, 'the budget is tight');
  t.same(floats({ workers: 2 }), first);
  t.same(floats({ machine: { cores: 64, memoryBytes: 10 ** 12, speed: undefined } }), first);
});

t.test('a budget that is too small says what would do, and is refused', async (t) => {
  const plan = planExecution(request({ budgetBytes: GIBIBYTE, workers: 2 }));
  t.notOk(plan.fits);
  const advice = plan.advice.join('\n');
  for (const part of [
    '--workers 1:',
    '--arithmetic int8-split',
    '--held-out 0:',
    '--modules without gate_proj:',
    '--window 128:',
    '--max-memory',
  ])
    t.match(advice, part);
  t.match(advice, `--max-memory ${Math.ceil(plan.smallestBudgetBytes / 2 ** 20)}MiB`);
  t.throws(() => requireFit(plan), { code: 'QL_BUDGET', message: /its budget is 1,024 MiB/, retryable: false });
  const enough = planExecution(request({ budgetBytes: plan.smallestBudgetBytes }));
  t.ok(enough.fits, 'and what it says would do does');
});

t.test('without a budget the memory of the machine is the limit', async (t) => {
  const plan = planExecution(request({ machine: { cores: 2, memoryBytes: 2 * GIBIBYTE, speed: undefined } }));
  t.same(plan.layout, { workers: 1, threads: 2 });
  t.throws(() => requireFit(plan), { code: 'QL_BUDGET', message: /the machine has 2,048 MiB/ });
});

t.test('places on one disk share its room', async (t) => {
  const apart = planExecution(request({ disks: { scratch: disk('/s', 1), output: disk('/o', 2) } }));
  t.same(
    apart.disks.map(({ directory, neededBytes }) => [directory, neededBytes]),
    [
      ['/s', apart.scratchBytes],
      ['/o', apart.outputBytes],
    ],
  );
  const together = planExecution(request());
  t.same(
    together.disks.map(({ neededBytes }) => neededBytes),
    [together.scratchBytes + together.outputBytes],
  );
  const full = planExecution(request({ disks: { scratch: disk('/s', 1, GIBIBYTE), output: disk('/o', 2) } }));
  t.match(full.advice[0], /^Free [\d,]+ MiB at \/s \([\d,]+ MiB are needed, 1,024 MiB free\)/);
  t.throws(() => requireFit(full), { code: 'QL_DISK', retryable: true });
  const kept = planExecution(request({ keepsStatistics: true }));
  t.equal(kept.disks[0]!.neededBytes - together.disks[0]!.neededBytes, kept.keptStatisticsBytes);
});

t.test('a pilot is in memory, work and time, and the floats of its plan stay when fewer tokens are chosen', async (t) => {
  const machine = { cores: 2, memoryBytes: 24 * GIBIBYTE, speed: SPEED };
  const told = planExecution(request({ machine }));
  const tokens = told.tokens.calibration;
  const open = openRun(llamaShape(6656, 17_920, 60), { calibrationTokens: tokens });
  const run = { ...open, pilot: { consideredTokens: tokens, triedTokens: tokens } };
  const plan = planExecution(request({ machine, run }));
  t.equal(plan.peakAt, 'pilot dense');
  t.ok(plan.smallestBudgetBytes > told.smallestBudgetBytes);
  t.match(plan.pilot, { blocks: 3, points: 4 });
  t.ok(plan.operations.solve > told.operations.solve && plan.operations.forward > told.operations.forward);
  t.ok(Math.abs(plan.seconds! - told.seconds! - plan.pilot!.seconds!) < 1e-6);
  t.same(
    plan.times.map(({ tokens: timed }) => timed),
    [tokens],
    'more than there are can not be chosen',
  );
  const tight = request({ run, budgetBytes: 1.1 * plan.peakBytes - 1, workers: 1 });
  const { floats } = planExecution(tight);
  t.not(floats.segmentTokens, 4096);
  const chosen = { ...run, calibrationTokens: 8192, pilot: { consideredTokens: tokens, triedTokens: 16_384 } };
  const settled = planExecution({ ...tight, budgetBytes: undefined, run: chosen, floats });
  t.same(settled.floats, floats);
  t.ok(settled.operations.forward < plan.operations.forward);
});

t.test('a run that chooses its tokens and does not fit may be told their number', async (t) => {
  const pilot = { consideredTokens: 32_768, triedTokens: 32_768 };
  const run = openRun(llamaShape(6656, 17_920, 60), { calibrationTokens: 32_768, pilot });
  const advice = planExecution(request({ run, budgetBytes: GIBIBYTE })).advice.join('\n');
  t.match(advice, /--tokens N in place of auto: [\d,]+ MiB/);
  t.notMatch(advice, '--held-out 0');
});

t.test('times come with a measurement, for the usual numbers of tokens and the chosen one', async (t) => {
  t.same([planExecution(request()).seconds, planExecution(request()).times], [null, []]);
  const run = openRun(llamaShape(576, 1536, 30), { calibrationTokens: 10_000 });
  const plan = planExecution(request({ run, machine: { cores: 2, memoryBytes: 24 * GIBIBYTE, speed: SPEED } }));
  t.same(
    plan.times.map(({ tokens }) => tokens),
    [10_000, 32_768, 65_536],
  );
  t.equal(plan.times[0]!.seconds, plan.seconds);
  const faster = planExecution(
    request({ run, machine: { cores: 2, memoryBytes: 24 * GIBIBYTE, speed: { ...SPEED, linearOperationsPerSecond: 2e11 } } }),
  );
  t.ok(faster.seconds! < plan.seconds!);
});
