import { lastValueFrom, of } from 'rxjs';
import t from 'tap';
import { panelBytes, planSegments, zeroPanels, type SummedInput } from '../../src/calibration/index.js';
import { ByteLedger, rowMajor } from '../../src/foundation/index.js';
import { dropStatistics, foldStatistics, unpackStatistic, type PackedStatistic, type Passage } from '../../src/stages/index.js';

const SUMS: readonly SummedInput[] = [{ input: 'x', width: 3, residual: undefined }];

const sumOf = (statistic: PackedStatistic): Float32Array => rowMajor(unpackStatistic(statistic).sum);

const passage = (sequence: number, split: 'calibration' | 'heldOut', value: number): Passage => {
  const sums = [zeroPanels(3)];
  for (const panel of sums[0]!) panel.fill(value);
  return {
    ...{ sequence, sums, chunks: [], consumed: [], activationBytes: 0 },
    seconds: { load: 0, forward: 0, sums: 0, spill: 0 },
    segment: planSegments([10], split, { runTokens: 10, segmentTokens: 10 })[0]!,
  };
};

t.test('partial sums of a split are added, tokens are counted', async (t) => {
  const ledger = new ByteLedger();
  const passages$ = of(passage(0, 'calibration', 1), passage(1, 'calibration', 2), passage(2, 'calibration', 4), passage(3, 'heldOut', 8));
  const [statistics] = await lastValueFrom(passages$.pipe(foldStatistics(SUMS, ledger)));
  t.same([...sumOf(statistics!.calibration)], new Array<number>(9).fill(7));
  t.same([...sumOf(statistics!.heldOut!)], new Array<number>(9).fill(8));
  t.same([statistics!.calibration.tokens, statistics!.heldOut!.tokens], [30, 10]);
  t.equal(ledger.peakBytes, 2 * panelBytes(3), 'two totals');
});

t.test('every subscription has sums of its own', async (t) => {
  const fold = foldStatistics(SUMS, new ByteLedger());
  for (let i = 0; i < 2; i++) {
    const [statistics] = await lastValueFrom(of(passage(0, 'calibration', 1), passage(1, 'calibration', 1)).pipe(fold));
    t.equal(sumOf(statistics!.calibration)[7], 2);
    t.equal(statistics!.heldOut, undefined);
  }
});

t.test('nothing to sum gives no statistics', async (t) => {
  t.same(await lastValueFrom(of(passage(0, 'calibration', 1)).pipe(foldStatistics([], new ByteLedger()))), []);
});

t.test('sums that were let go take no memory, whoever still refers to them', async (t) => {
  const ledger = new ByteLedger();
  const statistics = await lastValueFrom(of(passage(0, 'calibration', 1), passage(1, 'heldOut', 1)).pipe(foldStatistics(SUMS, ledger)));
  const [first] = statistics;
  dropStatistics({ statisticBytes: ledger }, [...statistics, { ...first!, heldOut: undefined }]);
  t.same([first!.calibration.panels, first!.heldOut!.panels], [[], []]);
  ledger.hold(2 * panelBytes(3));
  t.equal(ledger.peakBytes, 2 * panelBytes(3), 'nothing is counted as held, and shared sums were counted once');
});
