import t from 'tap';
import { renderSummary } from '../../../src/cli/render/render-summary.js';
import { summarizePlan } from '../../../src/cli/render/summarize-plan.js';
import { planExecution, type PlanRequest } from '../../../src/planning/index.js';
import { llamaShape, openRun, SPEED } from '../../planning/sample-shape.js';

const disk = { directory: '/out', device: 1, freeBytes: 2 ** 40 };
const plan = (more: Partial<PlanRequest> = {}) =>
  planExecution({
    name: 'org/model',
    run: openRun(llamaShape(8192, 28_672, 80), { writeBase: true }),
    tokenSource: 'assumed',
    ...{ budgetBytes: undefined, workers: undefined, keepsStatistics: false },
    machine: { cores: 2, memoryBytes: 2 ** 36, speed: SPEED },
    disks: { scratch: disk, output: disk },
    ...more,
  });

t.test('the text of a plan fits 100 columns', async (t) => {
  for (const style of ['box', 'ascii'] as const)
    for (const line of renderSummary(summarizePlan(plan({ budgetBytes: 2 ** 30 })), style).split('\n')) t.ok(line.length <= 100, line);
});

t.test('it says where the peak is, what is free, how long it takes and why a sum is a G', async (t) => {
  const { title, rows, notes } = summarizePlan(plan());
  const text = notes.join('\n').replaceAll('\n  ', ' ');
  t.match(title, 'init org/model (llama, 80 blocks)');
  t.match(
    rows.map(([stage]) => stage),
    ['start', 'embed', 'calibrate dense x 80', 'solve dense x 80', 'write'],
  );
  t.match(text, /Memory: [\d,]+ MiB at most \(calibrate dense\), 1 worker of 2 threads; the machine has 65,536 MiB/);
  t.match(text, '65,536 and 6,656 held out, in windows of 512, assumed');
  t.match(text, /1\.0 TiB free at \/out/);
  t.match(
    text,
    /Time: about [\d:]+ for 32,768 tokens, [\d:]+ for 65,536 tokens \(measured just now, in 10\^9 operations a second: float32 100, sums 80, thin 50;/,
  );
  t.match(text, 'G [8192, 8192] of mlp_hidden: G of mlp_hidden');
  t.notMatch(text, 'does not fit');
});

t.test('what is free now is shown, and a peak above it is warned of; the plan fits all the same', async (t) => {
  const free = (availableBytes: number) => plan({ machine: { cores: 16, memoryBytes: 2 ** 38, availableBytes, speed: undefined } });
  const text = (availableBytes: number): string => summarizePlan(free(availableBytes)).notes.join(' ').replaceAll(/ +/g, ' ');
  t.match(text(2 ** 37), 'the machine has 262,144 MiB, 131,072 MiB are free now; the least budget');
  t.notMatch(text(2 ** 37), 'above');
  const { peakBytes, smallestBudgetBytes } = free(2 ** 37);
  t.ok(smallestBudgetBytes < peakBytes, 'there is a budget between');
  const between = Math.ceil(smallestBudgetBytes / 2 ** 20);
  t.match(
    text(between * 2 ** 20),
    `MiB that are free now: the system would swap, or end the run. End other programs, or give --max-memory ${between}MiB.`,
  );
  t.match(text(2 ** 20), /The peak is above the 1 MiB that are free now: .* End other programs\./);
  t.ok(free(2 ** 20).fits);
  t.equal(plan().availableBytes, null);
  t.notMatch(summarizePlan(plan()).notes.join(' '), 'free now');
});

t.test('the pilot of a run that chooses its tokens is a stage, with its part of the time', async (t) => {
  const run = openRun(llamaShape(512, 1024, 4), { pilot: { consideredTokens: 65_536, triedTokens: 65_536 } });
  const { rows, notes } = summarizePlan(plan({ run }));
  t.match(
    rows.map(([stage]) => stage),
    ['start', 'embed', 'pilot dense x 2', 'calibrate dense x 4'],
  );
  const said =
    /Pilot: up to 65,536 tokens, and those held out, pass the first 2 blocks, corrected at most 5 times, about [\d:]+ of the [\d:]+\./;
  t.match(notes.join(' ').replaceAll(/ +/g, ' '), said);
  t.notMatch(summarizePlan(plan()).notes.join(' '), 'Pilot');
});

t.test('what does not fit comes with what would help; nothing is said that was not measured', async (t) => {
  const { notes } = summarizePlan(plan({ budgetBytes: 2 ** 30, machine: { cores: 2, memoryBytes: 2 ** 36, speed: undefined } }));
  t.ok(notes.includes('It does not fit. What would help:'));
  t.ok(notes.some((note) => note.startsWith('- A budget of at least')));
  t.notOk(notes.some((note) => note.startsWith('Time:')));
});

t.test('experts in full precision are named, with their part of the weights', async (t) => {
  const experts = { names: ['model.layers.*.mlp.experts.*.up_proj'], matrices: 9, values: 9, share: 0.75, corrected: false };
  const run = openRun({ ...llamaShape(512, 1024, 2), experts });
  const text = (corrected: boolean): string =>
    summarizePlan(plan({ run: { ...run, model: { ...run.model, experts: { ...experts, corrected } } } }))
      .notes.join(' ')
      .replaceAll(/ +/g, ' ');
  t.match(
    text(false),
    'Experts: model.layers.*.mlp.experts.*.up_proj (75.0 % of the weights) stay in full precision; --experts corrects them too.',
  );
  t.match(text(true), 'get plain factors in experts/');
});
