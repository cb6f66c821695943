import { concat, concatMap, defer, ignoreElements, map, of, type OperatorFunction } from 'rxjs';
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
export interface RunningSum {
  /** Undefined while nothing was summed. */
  panels: SymmetricPanels | undefined;
  tokens: number;
}

/** Running totals of a block, in the order of its summed inputs. */
export type RunningSums = Readonly<Record<Split, readonly RunningSum[]>>;

/** How a fold is watched, and taken up where an earlier run left it. */
export interface FoldProgress {
  /** Totals to begin with; they are added to in place. */
  readonly begin?: RunningSums | undefined;
  /** Called after each passage with the totals so far; the next passage waits for it. */
  readonly onFolded?: (passage: Passage, totals: RunningSums) => Promise<void>;
}

const noSums = (sums: readonly SummedInput[]): RunningSums => {
  const zeros = (): RunningSum[] => sums.map(() => ({ panels: undefined, tokens: 0 }));
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
  (sums: readonly SummedInput[], ledger: ByteLedger, progress: FoldProgress = {}): OperatorFunction<Passage, InputStatistics[]> =>
  (passages$) =>
    defer(() => {
      const totals = progress.begin ?? noSums(sums);
      for (const { panels } of [...totals.calibration, ...totals.heldOut]) if (panels) ledger.hold(bytesOf([panels]));
      const fold = (passage: Passage): void => {
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
      };
      const folded$ = passages$.pipe(
        concatMap(async (passage) => {
          fold(passage);
          await progress.onFolded?.(passage, totals);
        }),
        ignoreElements(),
      );
      return concat(folded$, of(totals)).pipe(
        map(() =>
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
      );
    });
