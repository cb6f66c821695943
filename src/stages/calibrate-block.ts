import { concatMap, defer, map, type Observable, tap } from 'rxjs';
import { inSequence } from '../dataflow/index.js';
import { tapActivations, tappedInputs, type ActivationTaps } from './activation-tap.js';
import type { CalibratedRun } from './calibrated-run.js';
import { shareStatistics } from './expert-statistics.js';
import type { StatisticsKeeper } from './keep-statistics.js';
import { foldStatistics, type InputStatistics } from './statistics.js';

/** How a block is calibrated. */
export interface CalibrateBlockOptions extends ActivationTaps {
  /** True where an initializer can do with a G. */
  readonly acceptsG: boolean;
  /** Called as segments finish, with the tokens that have passed the block. */
  readonly onTokens?: (block: number, tokens: number) => void;
  /** Keeps the block's sums, before experts share any. */
  readonly keeper?: Pick<StatisticsKeeper, 'keep'> | undefined;
}

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
      let tokens = 0;
      const listenTo = tappedInputs(options, run.model.inputs(block));
      const consumers = (options.workerTaps ?? []).map(({ consumer }) => consumer);
      return run.propagation.through(block, { sums, listenTo, consumers }).pipe(
        tap(({ segment, expertTokens }) => {
          if (expertTokens) run.routing.add(block, segment.split, expertTokens);
          options.onTokens?.(block, (tokens += segment.tokens));
        }),
        inSequence(({ sequence }) => sequence),
        tapActivations(block, options),
        foldStatistics(sums, run.statisticBytes),
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
