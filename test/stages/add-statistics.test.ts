import t from 'tap';
import { ByteLedger, matrix, rowMajor, ShapeMismatchError } from '../../src/foundation/index.js';
import { addStatistics } from '../../src/stages/add-statistics.js';
import type { InputStatistics } from '../../src/stages/index.js';

const statistics = (value: number, tokens: number, heldOut?: number): InputStatistics => {
  const sum = (filling: number) => matrix(2, 2, new Float32Array(4).fill(filling));
  return {
    input: 'x',
    calibration: { kind: 'H', sum: sum(value), tokens },
    heldOut: heldOut === undefined ? undefined : { kind: 'H', sum: sum(heldOut), tokens: 1 },
  };
};

t.test('calibration sums and their tokens are added in place, held-out ones stay', async (t) => {
  const ledger = new ByteLedger();
  ledger.hold(32);
  const onto = [statistics(1, 10, 7)];
  const [total] = addStatistics(onto, [statistics(2, 5)], ledger);
  t.equal(total!.calibration.sum, onto[0]!.calibration.sum);
  t.same([...rowMajor(total!.calibration.sum)], [3, 3, 3, 3]);
  t.equal(total!.calibration.tokens, 15);
  t.equal(total!.heldOut, onto[0]!.heldOut);
  ledger.hold(17);
  t.equal(ledger.peakBytes, 33, 'the bytes of what was added are let go');
});

t.test('sums of other sizes are refused', async (t) => {
  const other = { ...statistics(1, 1), calibration: { kind: 'H' as const, sum: matrix(3, 3), tokens: 1 } };
  t.throws(() => addStatistics([statistics(1, 1)], [other], new ByteLedger()), ShapeMismatchError);
});
