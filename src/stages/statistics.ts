import { concat, concatMap, defer, ignoreElements, map, of, type OperatorFunction } from 'rxjs';
import {
  addPanels,
  panelBytes,
  sharedPanels,
  unpackSymmetric,
  type Split,
  type SummedInput,
  type SymmetricPanels,
} from '../calibration/index.js';
import type { ByteLedger } from '../foundation/index.js';
import type { Statistic } from '../initializers/index.js';
import { collectGarbage } from '../runtime/index.js';
import type { Passage } from './propagation.js';

/** Tokens that were routed to an expert, and whose sum serves it. */
export interface RoutedTokens {
  readonly calibration: number;
  readonly heldOut: number;
  /** True where too few were routed to it, so that the calibration sum is that of all experts. */
  readonly shared: boolean;
}

/** A statistic as it is kept: the panels of its upper triangle in shared memory, cloneable. */
export interface PackedStatistic extends Omit<Statistic, 'sum'> {
  /** Rows and columns of the sum. */
  readonly n: number;
  readonly panels: SymmetricPanels;
}

/** Unpacks a statistic into memory of its own, both triangles filled: 4 n² bytes. */
export const unpackStatistic = ({ kind, tokens, n, panels }: PackedStatistic): Statistic => ({
  kind,
  tokens,
  sum: unpackSymmetric(n, panels),
});

const bytesOf = (panels: readonly SymmetricPanels[]): number => panels.flat().reduce((bytes, panel) => bytes + panel.byteLength, 0);

/** Frees partial sums at once, although whoever gave them still refers to them. */
const letGo = (partial: readonly SymmetricPanels[]): void => {
  const bytes = bytesOf(partial);
  const transfer = partial.flat().flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
  structuredClone(null, { transfer });
  collectGarbage(bytes);
};

/**
 * Frees sums that nobody reads any more, although whoever gave them may still refer to them: a finished block's frames of RxJS
 * do until the next block is finished.
 */
export const freeStatistics = (statistics: Iterable<PackedStatistic>): void => {
  let bytes = 0;
  for (const { panels } of statistics) {
    bytes += bytesOf([panels]);
    (panels as Float32Array[]).length = 0;
  }
  collectGarbage(bytes);
};

/** Bytes that a statistic takes while it is kept. */
export const packedBytes = ({ panels }: PackedStatistic): number => bytesOf([panels]);

/** Sums of one activation of a block. */
export interface InputStatistics {
  readonly input: string;
  readonly calibration: PackedStatistic;
  /** Undefined where nothing was held out, or no held-out token was routed to the expert. */
  readonly heldOut: PackedStatistic | undefined;
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

/**
 * Folds the partial sums of a block's segments, which must come in sequence, into one statistic for each summed input.
 *
 * Float32 partial sums of one segment each are added in float32.
 *
 * @param ledger counts the bytes of total sums; the caller drops those that are returned
 */
export const foldStatistics =
  (sums: readonly SummedInput[], ledger: ByteLedger, progress: FoldProgress = {}): OperatorFunction<Passage, InputStatistics[]> =>
  (passages$) =>
    defer(() => {
      const newPanels = (sum: SummedInput): SymmetricPanels => {
        const n = sizeOf(sum);
        ledger.hold(panelBytes(n));
        return sharedPanels(n);
      };
      const totals = progress.begin ?? noSums(sums);
      for (const { panels } of [...totals.calibration, ...totals.heldOut]) if (panels) ledger.hold(bytesOf([panels]));
      const fold = (passage: Passage): void => {
        const { segment, sums: partial } = passage;
        sums.forEach((sum, i) => {
          const panels = partial[i]!;
          if (panels.length === 0) return;
          const total = totals[segment.split][i]!;
          total.tokens += tokensOf(sum, passage);
          addPanels((total.panels ??= newPanels(sum)), panels);
        });
        letGo(partial);
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
            const statistic = (split: Split): PackedStatistic => {
              const { panels = newPanels(sum), tokens } = totals[split][i]!;
              return { kind: sum.residual ? 'G' : 'H', n: sizeOf(sum), panels, tokens };
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
