import { addPanels } from '../calibration/index.js';
import type { ByteLedger } from '../foundation/index.js';
import { freeStatistics, packedBytes, type InputStatistics } from './statistics.js';

/**
 * Adds the calibration sums of more tokens onto statistics, in place; what was held out stays.
 *
 * @param more freed
 * @param ledger counts the bytes of `more` no longer
 */
export const addStatistics = (onto: readonly InputStatistics[], more: readonly InputStatistics[], ledger: ByteLedger): InputStatistics[] =>
  onto.map((statistics, i) => {
    const { calibration, heldOut } = more[i]!;
    const { kind, n, panels, tokens } = statistics.calibration;
    addPanels(panels, calibration.panels);
    const added = heldOut ? [calibration, heldOut] : [calibration];
    for (const sum of added) ledger.drop(packedBytes(sum));
    freeStatistics(added);
    return { ...statistics, calibration: { kind, n, panels, tokens: tokens + calibration.tokens } };
  });
