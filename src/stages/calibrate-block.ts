import { concatMap, defer, finalize, ignoreElements, map, type Observable, tap } from 'rxjs';
import type { SummedInput } from '../calibration/index.js';
import { inSequence } from '../dataflow/index.js';
import { tapActivations, tappedInputs, type ActivationTaps } from './activation-tap.js';
import type { CalibratedRun } from './calibrated-run.js';
import { shareStatistics } from './expert-statistics.js';
import type { StatisticsKeeper } from './keep-statistics.js';
import type { Passage } from './propagation.js';
import { foldStatistics, type InputStatistics, type RunningSums } from './statistics.js';

/** Where an earlier run left a block, and how this one keeps what it does. */
export interface BlockProgress {
  /** Segments that have passed the block, by their sequence numbers below this. */
  readonly passed: number;
  /** What was summed over them; added to in place. */
  readonly sums?: RunningSums | undefined;
  /** Awaited before a segment is moved. */
  readonly ready: () => Promise<void>;
  /** Called when segments below `passed` are summed in `totals`, in the order of `sums`; the next one waits for it. */
  readonly folded: (passed: number, sums: readonly SummedInput[], totals: RunningSums) => Promise<void>;
}

/** How a block is calibrated. */
export interface CalibrateBlockOptions extends ActivationTaps {
  /** True where an initializer can do with a G. */
  readonly acceptsG: boolean;
  /** Called as segments finish, with the tokens that have passed the block. */
  readonly onTokens?: (block: number, tokens: number) => void;
  /** Left out, the block is begun, and nothing is kept of it. */
  readonly progress?: BlockProgress | undefined;
  /** Keeps the block's sums, before experts share any. */
  readonly keeper?: Pick<StatisticsKeeper, 'keep'> | undefined;
}

const tokensBefore = ({ propagation }: CalibratedRun, passed: number): number =>
  propagation.segments.slice(0, passed).reduce((sum, { tokens }) => sum + tokens, 0);

const countRouted = ({ routing }: CalibratedRun, block: number, { segment, expertTokens }: Passage): void => {
  if (expertTokens) routing.add(block, segment.split, expertTokens);
};

/**
 * Sends all windows through one block and emits the block's statistics, once.
 *
 * hidden states → block piece → activation chunks → partial sums, folded in the order of the token stream; experts with too
 * few tokens take the sum of all.
 */
export const calibrateBlock = (run: CalibratedRun, block: number, options: CalibrateBlockOptions): Observable<InputStatistics[]> =>
  defer(async () => {
    await run.walk.arrive(block);
    return run.sumsOf(block, options.acceptsG);
  }).pipe(
    concatMap((sums) => {
      const begin = performance.now();
      const { progress } = options;
      const passed = progress?.passed ?? 0;
      let tokens = tokensBefore(run, passed);
      const listenTo = tappedInputs(options, run.model.inputs(block));
      const consumers = (options.workerTaps ?? []).map(({ consumer }) => consumer);
      return run.propagation.through(block, { sums, listenTo, consumers, from: passed, ...(progress && { ready: progress.ready }) }).pipe(
        tap(({ segment, seconds }) => {
          for (const [part, spent] of Object.entries(seconds)) run.clock.add(`calibrate: ${part}`, spent);
          options.onTokens?.(block, (tokens += segment.tokens));
        }),
        inSequence(({ sequence }) => sequence, passed),
        tapActivations(block, options),
        foldStatistics(sums, run.statisticBytes, {
          begin: progress?.sums,
          onFolded: async (passage, totals) => {
            countRouted(run, block, passage);
            await progress?.folded(passage.sequence + 1, sums, totals);
          },
        }),
        concatMap(async (statistics) => {
          await options.keeper?.keep(block, sums, statistics);
          return statistics;
        }),
        map((statistics) => {
          const mixture = run.model.mixture?.(block);
          return mixture ? shareStatistics(sums, statistics, mixture.inputs, run.plan.rank, run.statisticBytes) : statistics;
        }),
        tap(() => run.clock.add('calibrate', (performance.now() - begin) / 1000)),
      );
    }),
  );

/**
 * Sends all windows through one block whose layers are finished already, and sums nothing.
 *
 * The hidden states that leave it are those of `calibrateBlock`, bit for bit: the block's graph is the same.
 *
 * @param passed segments that have passed the block already, by their sequence numbers below this
 */
export const passBlock = (
  run: CalibratedRun,
  block: number,
  options: Pick<CalibrateBlockOptions, 'acceptsG' | 'onTokens'> & { readonly passed: number },
): Observable<never> =>
  defer(() => run.unsummed(block, options.acceptsG)).pipe(
    concatMap((sums) => {
      const begin = performance.now();
      let tokens = tokensBefore(run, options.passed);
      return run.propagation.through(block, { sums, from: options.passed }).pipe(
        finalize(() => run.clock.add('calibrate', (performance.now() - begin) / 1000)),
        tap((passage) => {
          countRouted(run, block, passage);
          options.onTokens?.(block, (tokens += passage.segment.tokens));
        }),
      );
    }),
    ignoreElements(),
  );
