import { filter, from, type Observable } from 'rxjs';
import { inFlight, limited } from '../dataflow/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import { correctStage, quantizeStage, type CorrectStageOptions } from './shard-stages.js';
import type { CertifiedShard, QuantizedShard, WeightShard } from './shard.js';
import type { SolvingRun } from './solving-run.js';
import { freeStatistics, packedBytes, type InputStatistics } from './statistics.js';

/** Takes a finished shard; the shard's slot in the window is free when its promise settles. */
export type ShardSink = (shard: QuantizedShard | CertifiedShard) => Promise<void>;

/** How a block's shards are solved. */
export interface SolveBlockOptions extends Omit<CorrectStageOptions, 'quantizer' | 'observe'> {
  /** True when layers that get no correction are wanted too, quantized. */
  readonly everyLayer: boolean;
  /** True for an initializer that reads W and Q (`usesWeights`), which are held beside E then. */
  readonly keepWeights: boolean;
  /** True for a layer that an earlier attempt finished; it is passed over. */
  readonly isFinished?: (module: string) => boolean;
  readonly sink: ShardSink;
}

/** Bytes of one shard's matrices: E, and W and Q while E is made, or as long where they are kept. */
const bytesOf = ({ layer }: WeightShard, keepWeights: boolean): number => (keepWeights ? 3 : 2) * 4 * layer.outFeatures * layer.inFeatures;

/** Lets go of a block's sums. */
export const dropStatistics = (run: Pick<SolvingRun, 'statisticBytes'>, statistics: readonly InputStatistics[]): void => {
  // Experts with too few tokens share one sum.
  const sums = new Set(statistics.flatMap(({ calibration, heldOut }) => [calibration, ...(heldOut ? [heldOut] : [])]));
  for (const sum of sums) run.statisticBytes.drop(packedBytes(sum));
  freeStatistics(sums);
};

/** Makes the way of one shard: quantize → correct → sink, each stage with a limiter of its own. */
const shardPath = (
  run: SolvingRun,
  options: SolveBlockOptions,
): ((shard: WeightShard, statistics: InputStatistics[]) => Promise<QuantizedShard | CertifiedShard>) => {
  const nameOf = ({ layer }: WeightShard): string => layer.module;
  const quantize = limited(quantizeStage(run.pool, run.plan.quantizer.placed, options.keepWeights), run.context, nameOf, run.clock.add);
  const correct = limited(
    correctStage(run.pool, { ...options, quantizer: run.plan.quantizer.placed, observe: run.clock.add }),
    run.context,
    nameOf,
  );
  const sink = limited({ name: 'write', concurrency: 1, run: options.sink }, run.context, nameOf, run.clock.add);
  return async (shard, statistics) => {
    const bytes = bytesOf(shard, options.keepWeights);
    run.weightBytes.hold(bytes);
    try {
      await run.walk.arrive(shard.block);
      const quantized = await quantize(shard);
      const read = run.plan.corrects(shard.layer) ? statistics.find(({ input }) => input === shard.layer.input) : undefined;
      const finished = read ? await correct({ ...quantized, statistics: read }) : quantized;
      await sink(finished);
      return finished;
    } finally {
      run.weightBytes.drop(bytes);
    }
  };
};

/** The largest shards first, so that no worker ends with a large one while the others wait. */
const largestFirst = (shards: readonly WeightShard[]): WeightShard[] => {
  const weights = ({ layer }: WeightShard): number => layer.outFeatures * layer.inFeatures;
  return [...shards].sort((a, b) => weights(b) - weights(a));
};

/** Shards of a block that something is written of: those that get a correction, or every one. */
export const wantedShards = (plan: CorrectionPlan, block: number, everyLayer: boolean): WeightShard[] =>
  [...plan.shards[block]!, ...(plan.experts?.shards[block] ?? [])].filter(({ layer }) => everyLayer || plan.corrects(layer));

/**
 * Streams the weight shards of a block through quantize → correct → sink.
 *
 * One window of shards is in flight; what a shard holds is released before its slot is.
 */
export const solveBlock = (
  run: SolvingRun,
  block: number,
  statistics: InputStatistics[],
  options: SolveBlockOptions,
): Observable<QuantizedShard | CertifiedShard> => {
  const path = shardPath(run, options);
  return from(largestFirst(wantedShards(run.plan, block, options.everyLayer))).pipe(
    filter(({ layer }) => options.isFinished?.(layer.module) !== true),
    inFlight(run.shardsInFlight, (shard) => path(shard, statistics)),
  );
};
