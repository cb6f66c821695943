import { readMatrix } from '../checkpoint/index.js';
import type { Stage } from '../dataflow/index.js';
import type { Certificate, Factors, Initializer } from '../initializers/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { isModuleReference, type WorkerPool } from '../runtime/index.js';
import { resolvePlaced, type Placed } from './placed.js';
import type { CertifiedShard, InitializedShard, QuantizedShard, WeightShard } from './shard.js';
import {
  buffersOfInitialized,
  buffersOfShard,
  chooseFactors,
  fromPlainFactors,
  fromPlainShard,
  problemOf,
  quantizeToShard,
  toPlainFactors,
  toPlainShard,
  type CertifyArgument,
  type CertifyResult,
  type InitializeArgument,
  type InitializeResult,
  type PlainShard,
  type QuantizeArgument,
} from './shard.task.js';
import { unpackStatistic, type InputStatistics } from './statistics.js';

const TASKS = new URL('./shard.task.js', import.meta.url);

const timed = async <T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> => {
  const begin = performance.now();
  return { value: await work(), seconds: (performance.now() - begin) / 1000 };
};

/**
 * Reads a shard and quantizes it: in the workers, or on the main thread for a quantizer given as an object.
 *
 * @param keepWeights hold W and Q beside E
 */
export const quantizeStage = (
  pool: WorkerPool,
  quantizer: Placed<Quantizer>,
  keepWeights: boolean,
): Stage<WeightShard, QuantizedShard> => ({
  name: 'quantize',
  concurrency: pool.workers,
  run: async (shard) => {
    const { layer, location, dtype } = shard;
    const { value, seconds } = await timed(async () => {
      if (!isModuleReference(quantizer))
        return quantizeToShard(await readMatrix(location), quantizer, { module: layer.module, dtype }, keepWeights);
      const argument: QuantizeArgument = { module: layer.module, location, dtype, quantizer, keepWeights };
      return fromPlainShard(await pool.call<PlainShard>(TASKS, 'quantizeShard', argument));
    });
    return { ...shard, ...value, seconds };
  },
});

/** What the initializing stage goes by. */
export interface InitializeStageOptions {
  readonly quantizer: Placed<Quantizer>;
  readonly initializer: Placed<Initializer>;
  readonly rank: number;
  /** Give both factors equal norms. */
  readonly balance: boolean;
}

/** Chooses the factors of a shard: in the workers, or on the main thread where quantizer or initializer is an object. */
export const initializeStage = (
  pool: WorkerPool,
  { quantizer, initializer, rank, balance }: InitializeStageOptions,
): Stage<QuantizedShard & { readonly statistics: InputStatistics }, InitializedShard> => ({
  name: 'initialize',
  concurrency: pool.workers,
  run: async (shard, { linalg }) => {
    const { layer, dtype, statistics } = shard;
    const { module } = layer;
    const { value, seconds } = await timed(async () => {
      if (isModuleReference(quantizer) && isModuleReference(initializer)) {
        const content = toPlainShard(shard);
        const statistic = statistics.calibration;
        const argument: InitializeArgument = { module, dtype, ...content, statistic, rank, quantizer, initializer, balance };
        const { factors, ...back } = await pool.call<InitializeResult>(TASKS, 'initializeShard', argument, buffersOfShard(content));
        return { ...fromPlainShard(back), factors: fromPlainFactors(factors) };
      }
      const self = await resolvePlaced(initializer);
      const statistic = self.usesStatistic ? unpackStatistic(statistics.calibration) : undefined;
      const known = { module, rank, statistic, quantizer: await resolvePlaced(quantizer), quantizeOptions: { module, dtype } };
      return { factors: await chooseFactors(self, problemOf(shard, known), balance, { linalg }) };
    });
    return { ...shard, ...value, seconds: shard.seconds + seconds };
  },
});

/** Loss per token of the SVD that an initializer started from. */
const svdLoss = ({ svdCaptured }: Factors, { loss }: Certificate, { calibration }: InputStatistics): number | undefined =>
  svdCaptured === undefined || calibration.tokens === 0 ? undefined : Math.max(0, loss.none - svdCaptured / calibration.tokens);

/** Computes, in the workers, what the factors of a shard are worth on calibration and held-out tokens. */
export const certifyStage = (pool: WorkerPool): Stage<InitializedShard, CertifiedShard> => ({
  name: 'certify',
  concurrency: pool.workers,
  run: async (shard) => {
    const { layer, factors, statistics } = shard;
    const content = { ...toPlainShard(shard), factors: toPlainFactors(factors) };
    const { calibration: statistic, heldOut } = statistics;
    const argument: CertifyArgument = { module: layer.module, ...content, statistic, heldOut };
    const { value, seconds } = await timed(() => pool.call<CertifyResult>(TASKS, 'certifyShard', argument, buffersOfInitialized(content)));
    const { certificate, factors: back, ...rest } = value;
    const returned = { ...fromPlainShard(rest), factors: fromPlainFactors(back) };
    return { ...shard, ...returned, certificate, svdLoss: svdLoss(factors, certificate, statistics), seconds: shard.seconds + seconds };
  },
});
