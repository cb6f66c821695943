import type { Stage } from '../dataflow/index.js';
import { fromPlain, toPlain } from '../foundation/index.js';
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
  fromPlainQuantized,
  readWeight,
  residualOf,
  toPlainFactors,
  toPlainQuantized,
  toPlainStatistic,
  type CertifyArgument,
  type CertifyResult,
  type InitializeArgument,
  type InitializeResult,
  type QuantizeArgument,
  type ShardMatrices,
} from './shard.task.js';
import type { InputStatistics } from './statistics.js';

const TASKS = new URL('./shard.task.js', import.meta.url);

const timed = async <T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> => {
  const begin = performance.now();
  return { value: await work(), seconds: (performance.now() - begin) / 1000 };
};

const toPlainShard = ({ W, quantized, E }: Pick<QuantizedShard, 'W' | 'quantized' | 'E'>): ShardMatrices => ({
  W: toPlain(W),
  quantized: toPlainQuantized(quantized),
  E: toPlain(E),
});

const fromPlainShard = ({ W, quantized, E }: ShardMatrices): Pick<QuantizedShard, 'W' | 'quantized' | 'E'> => ({
  W: fromPlain(W),
  quantized: fromPlainQuantized(quantized),
  E: fromPlain(E),
});

/** Reads a shard and quantizes it: in the workers, or on the main thread for a quantizer given as an object. */
export const quantizeStage = (pool: WorkerPool, quantizer: Placed<Quantizer>): Stage<WeightShard, QuantizedShard> => ({
  name: 'quantize',
  concurrency: pool.workers,
  run: async (shard) => {
    const { layer, location, dtype } = shard;
    const { value, seconds } = await timed(async () => {
      if (isModuleReference(quantizer)) {
        const argument: QuantizeArgument = { module: layer.module, location, dtype, quantizer };
        return fromPlainShard(await pool.call<ShardMatrices>(TASKS, 'quantizeShard', argument));
      }
      const W = await readWeight(location);
      const quantized = await quantizer.quantize(W, { module: layer.module, dtype });
      return { W, quantized, E: residualOf(W, quantized.dequantized) };
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
    const { layer, dtype, W, quantized, E, statistics } = shard;
    const { module } = layer;
    const { value, seconds } = await timed(async () => {
      if (isModuleReference(quantizer) && isModuleReference(initializer)) {
        const matrices = toPlainShard(shard);
        const statistic = toPlainStatistic(statistics.calibration);
        const argument: InitializeArgument = { module, dtype, ...matrices, statistic, rank, quantizer, initializer, balance };
        const { factors, ...back } = await pool.call<InitializeResult>(TASKS, 'initializeShard', argument, buffersOfShard(matrices));
        return { ...fromPlainShard(back), factors: fromPlainFactors(factors) };
      }
      const problem = {
        ...{ module, W, quantized, E, statistic: statistics.calibration, rank, quantizer: await resolvePlaced(quantizer) },
        quantizeOptions: { module, dtype },
      };
      return { factors: await chooseFactors(await resolvePlaced(initializer), problem, balance, { linalg }) };
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
    const matrices = { ...toPlainShard(shard), factors: toPlainFactors(factors) };
    const argument: CertifyArgument = {
      ...{ module: layer.module, ...matrices, statistic: toPlainStatistic(statistics.calibration) },
      heldOut: statistics.heldOut && toPlainStatistic(statistics.heldOut),
    };
    const { value, seconds } = await timed(() => pool.call<CertifyResult>(TASKS, 'certifyShard', argument, buffersOfInitialized(matrices)));
    const { certificate, factors: back, ...rest } = value;
    const returned = { ...fromPlainShard(rest), factors: fromPlainFactors(back) };
    return { ...shard, ...returned, certificate, svdLoss: svdLoss(factors, certificate, statistics), seconds: shard.seconds + seconds };
  },
});
