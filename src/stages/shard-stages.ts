import { readMatrix } from '../checkpoint/index.js';
import type { Stage, StageObserver } from '../dataflow/index.js';
import { residualProducts, type Certificate, type Factors, type Initializer } from '../initializers/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { isModuleReference, type MatrixEngine, type ModuleReference, type WorkerPool } from '../runtime/index.js';
import { resolvePlaced, type Placed } from './placed.js';
import type { CertifiedShard, QuantizedShard, WeightShard } from './shard.js';
import {
  buffersOfCorrection,
  buffersOfShard,
  chooseFactors,
  fromPlainFactors,
  fromPlainShard,
  problemOf,
  quantizeToShard,
  toPlainFactors,
  toPlainShard,
  type CertifyArgument,
  type CorrectArgument,
  type CorrectResult,
  type PlainCorrection,
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

/** What the correcting stage goes by. */
export interface CorrectStageOptions {
  readonly quantizer: Placed<Quantizer>;
  readonly initializer: Placed<Initializer>;
  readonly rank: number;
  /** Give both factors equal norms. */
  readonly balance: boolean;
  /** Told of the seconds of `initialize` and `certify`, the stage's two parts, after each shard. */
  readonly observe?: StageObserver | undefined;
}

/** Loss per token of the SVD that an initializer started from. */
const svdLoss = ({ svdCaptured }: Factors, { loss }: Certificate, { calibration }: InputStatistics): number | undefined =>
  svdCaptured === undefined || calibration.tokens === 0 ? undefined : Math.max(0, loss.none - svdCaptured / calibration.tokens);

type SummedShard = QuantizedShard & { readonly statistics: InputStatistics };

/** Chooses the factors on the main thread, for a quantizer or an initializer that is an object, and lets a worker certify them. */
const correctHere = async (
  pool: WorkerPool,
  shard: SummedShard,
  { quantizer, initializer, rank, balance, observe }: CorrectStageOptions,
  linalg: MatrixEngine,
): Promise<PlainCorrection> => {
  const { layer, dtype, statistics } = shard;
  const { module } = layer;
  const { value: factors, seconds } = await timed(async () => {
    const self = await resolvePlaced(initializer);
    const statistic = self.usesStatistic ? unpackStatistic(statistics.calibration) : undefined;
    // An initializer may be stricter where it gets no products, so it gets them here as in a worker.
    const products = statistic?.kind === 'H' ? residualProducts(shard.E, [statistic.sum], linalg) : undefined;
    const options = { quantizer: await resolvePlaced(quantizer), quantizeOptions: { module, dtype } };
    const known = { module, rank, statistic, products, ...options };
    return chooseFactors(self, problemOf(shard, known), balance, { linalg });
  });
  observe?.('initialize', seconds);
  const content = { ...toPlainShard(shard), factors: toPlainFactors(factors) };
  const argument: CertifyArgument = { module, ...content, statistic: statistics.calibration, heldOut: statistics.heldOut };
  const certified = await timed(() => pool.call<PlainCorrection>(TASKS, 'certifyShard', argument, buffersOfCorrection(content)));
  observe?.('certify', certified.seconds);
  return certified.value;
};

/** Chooses the factors in a worker and certifies them there. */
const correctThere = async (
  pool: WorkerPool,
  { layer, dtype, statistics, ...shard }: SummedShard,
  options: CorrectStageOptions & { readonly quantizer: ModuleReference; readonly initializer: ModuleReference },
): Promise<PlainCorrection> => {
  const { quantizer, initializer, rank, balance, observe } = options;
  const { calibration: statistic, heldOut } = statistics;
  const content = toPlainShard(shard);
  const argument: CorrectArgument = {
    ...{ module: layer.module, dtype, ...content, statistic, heldOut, rank, quantizer, initializer, balance },
  };
  const { seconds, ...correction } = await pool.call<CorrectResult>(TASKS, 'correctShard', argument, buffersOfShard(content));
  observe?.('initialize', seconds.initialize);
  observe?.('certify', seconds.certify);
  return correction;
};

/**
 * Chooses the factors of a shard, and computes what they are worth on calibration and held-out tokens.
 *
 * Both in one worker; where quantizer or initializer is an object, the factors are chosen on the main thread.
 */
export const correctStage = (
  pool: WorkerPool,
  options: CorrectStageOptions,
): Stage<QuantizedShard & { readonly statistics: InputStatistics }, CertifiedShard> => ({
  name: 'correct',
  concurrency: pool.workers,
  run: async (shard, { linalg }) => {
    const { quantizer, initializer } = options;
    const { value, seconds } = await timed(() =>
      isModuleReference(quantizer) && isModuleReference(initializer)
        ? correctThere(pool, shard, { ...options, quantizer, initializer })
        : correctHere(pool, shard, options, linalg),
    );
    const { certificate, factors: plain, ...rest } = value;
    const factors = fromPlainFactors(plain);
    const loss = svdLoss(factors, certificate, shard.statistics);
    return { ...shard, ...fromPlainShard(rest), factors, certificate, svdLoss: loss, seconds: shard.seconds + seconds };
  },
});
