import t from 'tap';
import { panelBytes, planSegments, type SummedInput } from '../../src/calibration/index.js';
import { ByteLedger, matrix, rowMajor } from '../../src/foundation/index.js';
import { openModel } from '../../src/models/index.js';
import { chooseRoutedStatistics, shareStatistics } from '../../src/stages/expert-statistics.js';
import { unpackStatistic, type InputStatistics, type PackedStatistic } from '../../src/stages/index.js';
import { packedStatistic } from '../calibration/packed.js';
import { openFixture } from '../models/golden-run.js';

const model = openModel(await openFixture('mixtral-routed'));
const mixture = model.mixture!(0)!;
const layers = mixture.matrices.map(({ layer }) => layer);
const segments = planSegments(
  Array.from({ length: 12 }, () => 10),
  'calibration',
  { runTokens: 10, segmentTokens: 10 },
);

t.test('one sum for the two matrices that read the same rows, one for the third', async (t) => {
  const choices = chooseRoutedStatistics(model, 0, layers, true, segments);
  t.equal(choices.length, 12);
  t.same(choices[7], {
    ...{ input: 'expert_hidden.1', width: 24, kind: 'H', layer: undefined },
    rows: { activation: 'expert_hidden', expert: 1 },
  });
  const only = layers.filter(({ module }) => module.endsWith('experts.4.w1'));
  t.same(
    chooseRoutedStatistics(model, 0, only, false, segments).map(({ input, kind }) => [input, kind]),
    [['expert_input.4', 'H']],
  );
  t.same(chooseRoutedStatistics(model, 0, [], true, segments), []);
});

t.test('beside a G there is an H of all rows, of as many segments as it takes', async (t) => {
  const narrow = layers.filter(({ module }) => module.endsWith('.w2')).map((layer) => ({ ...layer, outFeatures: 8 }));
  const choices = chooseRoutedStatistics(model, 0, narrow, true, segments);
  t.same(
    choices.map(({ kind }) => kind),
    ['G', 'G', 'G', 'G', 'G', 'G', 'H'],
  );
  // 2 rows for each of 24 features; a segment of 10 tokens has 20 rows.
  t.match(choices.at(-1), { input: 'expert_hidden', rows: { expert: 'all' }, segments: 3 });
  t.equal(chooseRoutedStatistics(model, 0, narrow, false, segments).length, 6, 'nothing beside an H');
});

const sumOf = (expert: number | 'all', activation = 'expert_input'): SummedInput => ({
  ...{ input: `${activation}.${expert}`, width: 2, residual: undefined, rows: { activation, expert } },
});
const statistics = (value: number, tokens: number, heldOutTokens = 0): InputStatistics => {
  const statistic = (count: number): PackedStatistic => packedStatistic('H', matrix(2, 2, new Float32Array(4).fill(value)), count);
  return { input: 'x', calibration: statistic(tokens), heldOut: heldOutTokens > 0 ? statistic(heldOutTokens) : undefined };
};
const sumIn = (statistic: PackedStatistic): Float32Array => rowMajor(unpackStatistic(statistic).sum);
const INPUTS = [
  { name: 'expert_input', width: 2, madeBy: 'block' },
  { name: 'expert_hidden', width: 2, madeBy: 'expert' },
] as const;

t.test('experts with too few tokens take the sum of all, and keep what was held out', async (t) => {
  const ledger = new ByteLedger();
  ledger.hold(3 * panelBytes(2));
  const sums = [sumOf(0), sumOf(1), sumOf(2)];
  const given = [statistics(1, 100, 5), statistics(10, 3, 2), statistics(100, 0)];
  const shared = shareStatistics(sums, given, INPUTS, 1, ledger);
  t.same(
    shared.map(({ routed }) => routed),
    [
      { calibration: 100, heldOut: 5, shared: false },
      { calibration: 3, heldOut: 2, shared: true },
      { calibration: 0, heldOut: 0, shared: true },
    ],
  );
  t.same([...sumIn(shared[1]!.calibration)], [111, 111, 111, 111]);
  t.equal(shared[1]!.calibration.tokens, 103);
  t.equal(shared[1]!.calibration.panels, shared[2]!.calibration.panels, 'one sum for both');
  t.same([...sumIn(shared[1]!.heldOut!)], [10, 10, 10, 10]);
  t.equal(ledger.peakBytes, 4 * panelBytes(2));
  t.same(
    given.map(({ calibration: { panels } }) => panels.length),
    [1, 0, 0],
    'sums that others took the place of are let go',
  );
});

t.test('a sum of all that was kept apart is taken as it is; sums of other layers stay', async (t) => {
  const sums = [sumOf(0, 'expert_hidden'), sumOf('all', 'expert_hidden'), { input: 'attention_input', width: 2, residual: undefined }];
  const given = [statistics(1, 1), statistics(7, 40), statistics(2, 9)];
  const [own, all, other] = shareStatistics(sums, given, INPUTS, 1, new ByteLedger());
  t.equal(own!.calibration, given[1]!.calibration);
  t.same([all, other], given.slice(1));
});
