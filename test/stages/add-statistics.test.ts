import t from 'tap';
import { panelBytes } from '../../src/calibration/index.js';
import { ByteLedger, matrix, rowMajor, ShapeMismatchError } from '../../src/foundation/index.js';
import { addStatistics } from '../../src/stages/add-statistics.js';
import { unpackStatistic, type InputStatistics } from '../../src/stages/index.js';
import { packedStatistic } from '../calibration/packed.js';

const statistics = (value: number, tokens: number, heldOut?: number): InputStatistics => {
  const sum = (filling: number) => matrix(2, 2, new Float32Array(4).fill(filling));
  return {
    input: 'x',
    calibration: packedStatistic('H', sum(value), tokens),
    heldOut: heldOut === undefined ? undefined : packedStatistic('H', sum(heldOut), 1),
  };
};

t.test('calibration sums and their tokens are added in place, held-out ones stay', async (t) => {
  const ledger = new ByteLedger();
  ledger.hold(2 * panelBytes(2));
  const onto = [statistics(1, 10, 7)];
  const more = statistics(2, 5);
  const [total] = addStatistics(onto, [more], ledger);
  t.same(more.calibration.panels, [], 'what was added takes no memory');
  t.equal(total!.calibration.panels, onto[0]!.calibration.panels);
  t.same([...rowMajor(unpackStatistic(total!.calibration).sum)], [3, 3, 3, 3]);
  t.equal(total!.calibration.tokens, 15);
  t.equal(total!.heldOut, onto[0]!.heldOut);
  ledger.hold(panelBytes(2) + 1);
  t.equal(ledger.peakBytes, 2 * panelBytes(2) + 1, 'the bytes of what was added are let go');
});

t.test('sums of other sizes are refused', async (t) => {
  const other = { ...statistics(1, 1), calibration: packedStatistic('H', matrix(3, 3), 1) };
  t.throws(() => addStatistics([statistics(1, 1)], [other], new ByteLedger()), ShapeMismatchError);
});
