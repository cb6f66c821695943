import { rowMajor, ShapeMismatchError, type ByteLedger } from '../foundation/index.js';
import type { Statistic } from '../initializers/index.js';
import type { InputStatistics } from './statistics.js';

const addOnto = (onto: Statistic, { sum, tokens }: Statistic): Statistic => {
  const [total, more] = [rowMajor(onto.sum), rowMajor(sum)];
  if (total.length !== more.length) throw new ShapeMismatchError(`Can't add a sum of ${more.length} values to one of ${total.length}.`);
  for (let i = 0; i < total.length; i++) total[i]! += more[i]!;
  return { ...onto, tokens: onto.tokens + tokens };
};

/**
 * Adds the calibration sums of further segments to those of a block, in place; what is held out stays.
 *
 * @param ledger counts no more the bytes of what was added
 */
export const addStatistics = (onto: readonly InputStatistics[], more: readonly InputStatistics[], ledger: ByteLedger): InputStatistics[] =>
  onto.map((statistics, i) => {
    const added = more[i]!.calibration;
    ledger.drop(4 * added.sum.size);
    return { ...statistics, calibration: addOnto(statistics.calibration, added) };
  });
