import t from 'tap';
import { panelBytes } from '../../src/planning/calibration-bytes.js';
import { peakOf, STOCK_FLOATS } from '../../src/planning/choose-layout.js';
import { countDiskBytes } from '../../src/planning/count-disk-bytes.js';
import { countOperations } from '../../src/planning/count-operations.js';
import { planPilot } from '../../src/planning/plan-pilot.js';
import { planStages } from '../../src/planning/plan-stages.js';
import type { RunShape } from '../../src/planning/run-shape.js';
import { llamaBlock, llamaShape, openRun } from './sample-shape.js';

const told: RunShape = { ...openRun(llamaShape(2048, 5632, 24)), floats: STOCK_FLOATS, layout: { workers: 1, threads: 2 } };
const run: RunShape = { ...told, pilot: { consideredTokens: 65_536, triedTokens: 65_536 } };

t.test('a run that was told its tokens has no pilot', async (t) => {
  t.equal(planPilot(told), undefined);
  t.notOk(planStages(told).some(({ stage }) => stage === 'pilot'));
});

t.test('the pilot holds what calibrating holds, and once more the sums over calibration tokens', async (t) => {
  const stages = planStages(run);
  const [pilot, calibrate] = (['pilot', 'calibrate'] as const).map((wanted) => stages.find(({ stage }) => stage === wanted)!);
  const [{ sums }] = run.model.blocks as [(typeof run.model.blocks)[0]];
  t.equal(pilot!.totalBytes - calibrate!.totalBytes, panelBytes(sums));
  t.equal(peakOf(run) - peakOf(told), panelBytes(sums), 'which is the peak of the run');
  t.same([pilot!.blockKind, pilot!.blocks], ['dense', 2]);
});

t.test('its first blocks are passed once and solved at each point', async (t) => {
  const { parts, points, blocks } = planPilot(run)!;
  t.same([parts.length, points, blocks], [1, 5, 2], '4,096 to 65,536 tokens');
  const whole = countOperations(told);
  const close = (value: number, expected: number) => t.ok(Math.abs(value / expected - 1) < 1e-12, `${value} ${expected}`);
  close(parts[0]!.operations.forward, (2 * whole.forward) / 24);
  close(parts[0]!.operations.sums, (2 * whole.sums) / 24);
  close(parts[0]!.operations.solve, (5 * 2 * whole.solve) / 24);
  close(parts[0]!.operations.certify, (5 * 2 * whole.certify) / 24);
  const known = planPilot({ ...run, calibrationTokens: 8192, pilot: { consideredTokens: 65_536, triedTokens: 16_384 } })!;
  t.equal(known.points, 3, 'what was tried counts, not what there was');
  const tokens = (16_384 + run.heldOutTokens) / (65_536 + run.heldOutTokens);
  close(known.parts[0]!.operations.forward, (tokens * 2 * whole.forward) / 24);
});

t.test('deep models have three pilot blocks, and only kinds among them count', async (t) => {
  const [dense, other] = [llamaBlock(2048, 5632, 1), llamaBlock(2048, 5632, 60)];
  const numbered = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);
  const shape = (kinds: readonly number[]): RunShape => ({
    ...run,
    model: {
      ...{ ...run.model, blockCount: 60 },
      blocks: [
        { ...dense, blocks: numbered(0, kinds[0]!) },
        { ...other, kind: 'dense 2', blocks: numbered(kinds[0]!, 60 - kinds[0]!) },
      ],
    },
  });
  const blocksOf = (kinds: readonly number[]) => planPilot(shape(kinds))!.parts.map(({ kind, blocks }) => [kind, blocks]);
  t.same(blocksOf([1]), [
    ['dense', 1],
    ['dense 2', 2],
  ]);
  t.same(blocksOf([3]), [['dense', 3]]);
});

t.test('its temporary files are the hidden states of all considered tokens, before its blocks and after each', async (t) => {
  const chosen: RunShape = { ...run, calibrationTokens: 4096, pilot: { consideredTokens: 65_536, triedTokens: 16_384 } };
  const hidden = 4 * 2048 * (65_536 + run.heldOutTokens);
  t.equal(planPilot(chosen)!.scratchBytes, 3 * hidden);
  t.equal(countDiskBytes(chosen).scratch, 3 * hidden, 'more than the run takes after it');
  t.equal(countDiskBytes(run).scratch, countDiskBytes(told).scratch, 'less than a run with all of them takes');
});
