import { filter, from, type Observable } from 'rxjs';
import { inFlight, limited } from '../dataflow/index.js';
import type { CalibratedRun } from './calibrated-run.js';
import type { CorrectionPlan } from './correction-plan.js';
import { certifyStage, initializeStage, type InitializeStageOptions } from './shard-stages.js';
import type { CertifiedShard, QuantizedShard, WeightShard } from './shard.js';
import type { InputStatistics } from './statistics.js';

/** Takes a finished shard; the shard's slot in the window is free when its promise settles. */
export type ShardSink = (shard: QuantizedShard | CertifiedShard) => Promise<void>;

/** How a block's shards are solved. */
export interface SolveBlockOptions extends Omit<InitializeStageOptions, 'quantizer'> {
  /** True when layers that get no correction are wanted too, quantized. */
  readonly everyLayer: boolean;
  /** True for a layer that an earlier attempt finished; it is passed over. */
  readonly isFinished?: (module: string) => boolean;
  readonly sink: ShardSink;
}

/** Bytes of W, Q and E of one shard. */
const bytesOf = ({ layer }: WeightShard): number => 3 * 4 * layer.outFeatures * layer.inFeatures;

/** Notes that a block's sums are let go. */
export const dropStatistics = (run: CalibratedRun, statistics: readonly InputStatistics[]): void => {
  // Experts with too few tokens share one sum.
  const sums = new Set(statistics.flatMap(({ calibration, heldOut }) => [calibration.sum, ...(heldOut ? [heldOut.sum] : [])]));
  for (const sum of sums) run.statisticBytes.drop(4 * sum.size);
};

/** Makes the way of one shard: quantize → initialize → certify → sink, each stage with a limiter of its own. */
const shardPath = (
  run: CalibratedRun,
  options: SolveBlockOptions,
): ((shard: WeightShard, statistics: InputStatistics[]) => Promise<QuantizedShard | CertifiedShard>) => {
  const nameOf = ({ layer }: WeightShard): string => layer.module;
  const initialize = limited(
    initializeStage(run.pool, { ...options, quantizer: run.plan.quantizer.placed }),
    run.context,
    nameOf,
    run.clock.add,
  );
  const certify = limited(certifyStage(run.pool), run.context, nameOf, run.clock.add);
  const sink = limited({ name: 'write', concurrency: 1, run: options.sink }, run.context, nameOf, run.clock.add);
  return async (shard, statistics) => {
    run.weightBytes.hold(bytesOf(shard));
    try {
      const quantized = await run.quantize(shard);
      const read = run.plan.corrects(shard.layer) ? statistics.find(({ input }) => input === shard.layer.input) : undefined;
      const finished = read ? await certify(await initialize({ ...quantized, statistics: read })) : quantized;
      await sink(finished);
      return finished;
    } finally {
      run.weightBytes.drop(bytesOf(shard));
    }
  };
};

/** Shards of a block that something is written of: those that get a correction, or every one. */
export const wantedShards = (plan: CorrectionPlan, block: number, everyLayer: boolean): WeightShard[] =>
  [...plan.shards[block]!, ...(plan.experts?.shards[block] ?? [])].filter(({ layer }) => everyLayer || plan.corrects(layer));

/**
 * Streams the weight shards of a block through quantize → initialize → certify → sink.
 *
 * One window of shards is in flight, one more than there are workers, so that a worker never waits for a shard to be
 * read; what a shard holds is released before its slot is.
 */
export const solveBlock = (
  run: CalibratedRun,
  block: number,
  statistics: InputStatistics[],
  options: SolveBlockOptions,
): Observable<QuantizedShard | CertifiedShard> => {
  const path = shardPath(run, options);
  return from(wantedShards(run.plan, block, options.everyLayer)).pipe(
    filter(({ layer }) => options.isFinished?.(layer.module) !== true),
    inFlight(run.pool.workers + 1, (shard) => path(shard, statistics)),
  );
};
