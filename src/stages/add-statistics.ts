import { addPanels } from '../calibration/index.js';
import type { ByteLedger } from '../foundation/index.js';
import { packedBytes, type InputStatistics } from './statistics.js';

/**
 * Adds the calibration sums of more tokens onto statistics, in place; what was held out stays.
 *
 * @param ledger counts the bytes of `more` no longer
 */
export const addStatistics = (onto: readonly InputStatistics[], more: readonly InputStatistics[], ledger: ByteLedger): InputStatistics[] =>
  onto.map((statistics, i) => {
    const { calibration, heldOut } = more[i]!;
    const { kind, n, panels, tokens } = statistics.calibration;
    addPanels(panels, calibration.panels);
    for (const sum of heldOut ? [calibration, heldOut] : [calibration]) ledger.drop(packedBytes(sum));
    return { ...statistics, calibration: { kind, n, panels, tokens: tokens + calibration.tokens } };
  });
