import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { exact, loftq } from '../../src/initializers/index.js';
import { writeRecord } from '../../src/journal/index.js';
import {
  assumeTokens,
  countTokens,
  openSourceModel,
  planCorrection,
  planRun,
  STOCK_SETTINGS,
  type PlanJob,
} from '../../src/stages/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';

const model = await makeTinyModel(join(t.testdir(), 'model'));
const source = await openSourceModel(model);
const { fresh, ...settings } = STOCK_SETTINGS;
const job: PlanJob = { ...settings, model };
const arithmetic = { asked: 'f32', used: 'f32', why: 'a test' } as const;
const any = { maxPositions: Infinity, blocks: 0, linears: () => [] };

t.test('without a text whole windows are assumed', async (t) => {
  t.equal(fresh, false);
  t.same(assumeTokens(job, any), { calibrationTokens: 2000 * 512, heldOutTokens: 200 * 512, windowTokens: 512, tokenSource: 'assumed' });
  t.match(assumeTokens({ ...job, budget: { kind: 'tokens', tokens: 1000 }, windowTokens: 128 }, any), {
    calibrationTokens: 896,
    heldOutTokens: 128,
  });
  t.match(assumeTokens({ ...job, budget: { kind: 'auto', most: 10_000 } }, any), {
    ...{ calibrationTokens: 9728, pilot: { consideredTokens: 9728, triedTokens: 9728 } },
  });
  t.match(assumeTokens({ ...job, calibration: 'alpaca' }, any), { windowTokens: 1024 + 256 }, 'pairs have lengths of their own');
  t.match(assumeTokens(job, { ...any, maxPositions: 64 }), { windowTokens: 64 }, 'no window is longer than the positions');
});

t.test('windows that were chosen are counted', async (t) => {
  const windows = {
    ...{ calibration: [new Int32Array(3), new Int32Array(7)], heldOut: [new Int32Array(5)], tokens: { calibration: 10, heldOut: 5 } },
    records: { read: 0, empty: 0, truncated: 0, repeated: 0 },
  };
  const counted = { calibrationTokens: 10, heldOutTokens: 5, windowTokens: 7, tokenSource: 'counted' };
  t.same(countTokens({ windows }, job), counted);
  const auto: PlanJob = { ...job, budget: { kind: 'auto' } };
  t.same(countTokens({ windows }, auto), { ...counted, pilot: { consideredTokens: 10, triedTokens: 10 } });
  const losses = { calibrationLossRatio: 0.1, heldOutLossRatio: 0.2, byKind: {} };
  const curve = [4, 8].map((tokens) => ({ tokens, ...losses }));
  const tokenChoice = { chosen: 10, considered: 40, curve, limit: 0.2, decidedBy: 'all', pilotBlocks: [0] };
  t.same(countTokens({ windows, tokenChoice }, auto), { ...counted, pilot: { consideredTokens: 40, triedTokens: 8 } });
});

t.test('a plan follows the job and the initializer', async (t) => {
  const parts = { source, correction: await planCorrection(source, job), initializer: exact(), tokens: assumeTokens(job, any), arithmetic };
  const plan = await planRun(job, parts);
  t.match(plan, {
    model,
    modelType: 'llama',
    blocks: 3,
    budgetBytes: null,
    fits: true,
    piecesPerBlock: 1,
    shardsInFlight: plan.layout.workers,
  });
  t.equal(plan.sums.filter(({ kind }) => kind === 'G').length, 2);
  const own = await planRun(job, { ...parts, initializer: loftq() });
  t.equal(own.sums.filter(({ kind }) => kind === 'G').length, 0);
  t.same((await planRun({ ...job, workers: 3 }, parts)).layout.workers, 3);
  t.match(await planRun({ ...job, maxMemoryBytes: 2 ** 20 }, parts), { fits: false, budgetBytes: 2 ** 20 });
});

t.test("an earlier attempt's files in another scratch directory are room on its disk", async (t) => {
  const place = t.testdir({ out: { '.quailora': {} }, fast: { '.quailora-scratch-abcdef': { hidden: '' } } });
  const [output, scratch] = [join(place, 'out'), join(place, 'fast/.quailora-scratch-abcdef')];
  // A hole: so large that what other processes write meanwhile does not matter.
  const size = 2 ** 41;
  await truncate(join(scratch, 'hidden'), size);
  const parts = { source, correction: await planCorrection(source, job), initializer: exact(), tokens: assumeTokens(job, any), arithmetic };
  const room = async (): Promise<number> =>
    (await planRun({ ...job, output, scratch: join(place, 'fast') }, parts)).disks.reduce((sum, { freeBytes }) => sum + freeBytes, 0);
  const before = await room();
  await writeRecord(join(output, '.quailora/journal.json'), { version: 1, fingerprint: {}, scratch, clearing: false });
  const difference = (await room()) - before;
  t.ok(Math.abs(difference - size) < size / 2, `${difference}`);
});
