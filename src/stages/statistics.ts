import { defer, map, type OperatorFunction, reduce } from 'rxjs';
import { addPanels, unpackSymmetric, zeroPanels, type Split, type SummedInput, type SymmetricPanels } from '../calibration/index.js';
import type { ByteLedger } from '../foundation/index.js';
import type { Statistic } from '../initializers/index.js';
import type { Passage } from './propagation.js';

/** Tokens that were routed to an expert, and whose sum serves it. */
export interface RoutedTokens {
  readonly calibration: number;
  readonly heldOut: number;
  /** True where too few were routed to it, so that the calibration sum is that of all experts. */
  readonly shared: boolean;
}

/** Sums of one activation of a block. */
export interface InputStatistics {
  readonly input: string;
  readonly calibration: Statistic;
  /** Undefined where nothing was held out, or no held-out token was routed to the expert. */
  readonly heldOut: Statistic | undefined;
  /** For what a routed expert reads. */
  readonly routed?: RoutedTokens;
}

/** Running total of one summed input in one split. */
interface Total {
  /** Undefined while nothing was summed. */
  panels: SymmetricPanels | undefined;
  tokens: number;
}

type Totals = Readonly<Record<Split, readonly Total[]>>;

const noSums = (sums: readonly SummedInput[]): Totals => {
  const zeros = (): Total[] => sums.map(() => ({ panels: undefined, tokens: 0 }));
  return { calibration: zeros(), heldOut: zeros() };
};

/** Tokens, or rows of an expert, that one segment added to a sum. */
const tokensOf = ({ rows }: SummedInput, { segment, expertTokens = [] }: Passage): number => {
  if (!rows) return segment.tokens;
  return rows.expert === 'all' ? expertTokens.reduce((sum, count) => sum + count, 0) : expertTokens[rows.expert]!;
};

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
        reduce((totals, passage) => {
          const { segment, sums: partial } = passage;
          sums.forEach((sum, i) => {
            const panels = partial[i]!;
            if (panels.length === 0) return;
            const total = totals[segment.split][i]!;
            total.tokens += tokensOf(sum, passage);
            ledger.hold(bytesOf([panels]));
            if (!total.panels) total.panels = panels;
            else {
              addPanels(total.panels, panels);
              ledger.drop(bytesOf([panels]));
            }
          });
          return totals;
        }, noSums(sums)),
        map((totals) =>
          sums.map((sum, i): InputStatistics => {
            const kind = sum.residual ? 'G' : 'H';
            const statistic = (split: Split): Statistic => {
              const n = sizeOf(sum);
              const total = totals[split][i]!;
              const { panels, tokens } = total;
              ledger.hold(4 * n * n);
              const full = unpackSymmetric(n, panels ?? zeroPanels(n));
              // A mixture has hundreds of sums: none is held twice for longer than it takes to unpack it.
              total.panels = undefined;
              ledger.drop(bytesOf(panels ? [panels] : []));
              return { kind, sum: full, tokens };
            };
            return {
              input: sum.input,
              calibration: statistic('calibration'),
              heldOut: totals.heldOut[i]!.tokens > 0 ? statistic('heldOut') : undefined,
            };
          }),
        ),
      ),
    );
