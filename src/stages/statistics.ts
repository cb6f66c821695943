import { defer, map, type OperatorFunction, reduce } from 'rxjs';
import { addPanels, unpackSymmetric, zeroPanels, type Split, type SummedInput, type SymmetricPanels } from '../calibration/index.js';
import type { ByteLedger } from '../foundation/index.js';
import type { Statistic } from '../initializers/index.js';
import type { Passage } from './propagation.js';

/** Sums of one activation of a block. */
export interface InputStatistics {
  readonly input: string;
  readonly calibration: Statistic;
  /** Undefined where nothing was held out. */
  readonly heldOut: Statistic | undefined;
}

interface Totals {
  readonly panels: Record<Split, SymmetricPanels[]>;
  readonly tokens: Record<Split, number>;
}

const noSums = (): Totals => ({ panels: { calibration: [], heldOut: [] }, tokens: { calibration: 0, heldOut: 0 } });

const sizeOf = ({ width, residual }: SummedInput): number => residual?.rows ?? width;

const bytesOf = (panels: readonly SymmetricPanels[]): number => panels.flat().reduce((bytes, panel) => bytes + panel.byteLength, 0);

/**
 * Folds the partial sums of a block's segments, which must come in sequence, into one statistic for each summed input.
 *
 * Float32 partial sums of one segment each are added in float32; both triangles are filled at the end.
 *
 * @param ledger counts the bytes of partial and total sums; the caller drops those of the returned matrices
 */
export const foldStatistics =
  (sums: readonly SummedInput[], ledger: ByteLedger): OperatorFunction<Passage, InputStatistics[]> =>
  (passages$) =>
    defer(() =>
      passages$.pipe(
        reduce((totals, { segment: { split, tokens }, sums: partial }) => {
          const onto = totals.panels[split];
          ledger.hold(bytesOf(partial));
          if (onto.length === 0) onto.push(...partial);
          else {
            partial.forEach((panels, i) => addPanels(onto[i]!, panels));
            ledger.drop(bytesOf(partial));
          }
          totals.tokens[split] += tokens;
          return totals;
        }, noSums()),
        map(({ panels, tokens }) =>
          sums.map((sum, i): InputStatistics => {
            const kind = sum.residual ? 'G' : 'H';
            const statistic = (split: Split): Statistic => {
              const n = sizeOf(sum);
              const held = panels[split][i] ?? zeroPanels(n);
              ledger.hold(4 * n * n);
              const full = unpackSymmetric(n, held);
              ledger.drop(bytesOf([held]));
              return { kind, sum: full, tokens: tokens[split] };
            };
            return {
              input: sum.input,
              calibration: statistic('calibration'),
              heldOut: tokens.heldOut > 0 ? statistic('heldOut') : undefined,
            };
          }),
        ),
      ),
    );
