import type { Stage } from '../dataflow/index.js';
import { fromPlain, toPlain } from '../foundation/index.js';
import type { Certificate, Initializer } from '../initializers/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { isModuleReference, type WorkerPool } from '../runtime/index.js';
import { resolvePlaced, type Placed } from './placed.js';
import type { CertifiedShard, InitializedShard, QuantizedShard, WeightShard } from './shard.js';
import {
  chooseFactors,
  fromPlainFactors,
  fromPlainQuantized,
  readWeight,
  residualOf,
  toPlainFactors,
  toPlainQuantized,
  toPlainStatistic,
  type CertifyArgument,
  type InitializeArgument,
  type PlainFactors,
  type QuantizeArgument,
  type QuantizeResult,
} from './shard.task.js';
import type { InputStatistics } from './statistics.js';

const TASKS = new URL('./shard.task.js', import.meta.url);

const timed = async <T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> => {
  const begin = performance.now();
  return { value: await work(), seconds: (performance.now() - begin) / 1000 };
};

/** Reads a shard and quantizes it: in the workers, or on the main thread for a quantizer given as an object. */
export const quantizeStage = (pool: WorkerPool, quantizer: Placed<Quantizer>): Stage<WeightShard, QuantizedShard> => ({
  name: 'quantize',
  concurrency: pool.workers,
  run: async (shard) => {
    const { layer, location, dtype } = shard;
    const { value, seconds } = await timed(async () => {
      if (isModuleReference(quantizer)) {
        const argument: QuantizeArgument = { module: layer.module, location, dtype, quantizer };
        const { W, quantized, E } = await pool.call<QuantizeResult>(TASKS, 'quantizeShard', argument);
        return { W: fromPlain(W), quantized: fromPlainQuantized(quantized), E: fromPlain(E) };
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
    const { value: factors, seconds } = await timed(async () => {
      if (isModuleReference(quantizer) && isModuleReference(initializer)) {
        const argument: InitializeArgument = {
          ...{ module, dtype, W: toPlain(W), quantized: toPlainQuantized(quantized), E: toPlain(E) },
          ...{ statistic: toPlainStatistic(statistics.calibration), rank, quantizer, initializer, balance },
        };
        return fromPlainFactors(await pool.call<PlainFactors>(TASKS, 'initializeShard', argument));
      }
      const problem = {
        ...{ module, W, quantized, E, statistic: statistics.calibration, rank, quantizer: await resolvePlaced(quantizer) },
        quantizeOptions: { module, dtype },
      };
      return chooseFactors(await resolvePlaced(initializer), problem, balance, { linalg });
    });
    return { ...shard, factors, seconds: shard.seconds + seconds };
  },
});

/** Computes, in the workers, what the factors of a shard are worth on calibration and held-out tokens. */
export const certifyStage = (pool: WorkerPool): Stage<InitializedShard, CertifiedShard> => ({
  name: 'certify',
  concurrency: pool.workers,
  run: async (shard) => {
    const { layer, W, E, factors, statistics } = shard;
    const argument: CertifyArgument = {
      ...{ module: layer.module, W: toPlain(W), E: toPlain(E), factors: toPlainFactors(factors) },
      statistic: toPlainStatistic(statistics.calibration),
      heldOut: statistics.heldOut && toPlainStatistic(statistics.heldOut),
    };
    const { value: certificate, seconds } = await timed(() => pool.call<Certificate>(TASKS, 'certifyShard', argument));
    return { ...shard, certificate, svdLoss: undefined, seconds: shard.seconds + seconds };
  },
});
