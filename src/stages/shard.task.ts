import { readMatrix, type TensorLocation } from '../checkpoint/index.js';
import { fromPlain, Stopwatch, toPlain, type FloatDType, type Matrix, type PlainMatrix } from '../foundation/index.js';
import {
  balanced,
  certify,
  residualProblem,
  residualProducts,
  type Certificate,
  type Factors,
  type Initializer,
  type InitializerContext,
  type InitializerProblem,
  type ResidualProducts,
  type Statistic,
} from '../initializers/index.js';
import { quantizeResidual, quantizeWeight, type QuantizedTensors, type Quantizer, type QuantizeOptions } from '../quantizers/index.js';
import { buffersOf, loadReference, type MatrixEngine, type ModuleReference, type WorkerTask } from '../runtime/index.js';
import type { QuantizedShard } from './shard.js';
import { packedBytes, unpackStatistic, type PackedStatistic } from './statistics.js';

/** `Factors` as cloneable data. */
export interface PlainFactors {
  readonly A: PlainMatrix;
  readonly B: PlainMatrix;
  readonly quantized: (QuantizedTensors & { readonly dequantized: PlainMatrix }) | undefined;
  readonly svdCaptured: number | undefined;
}

/** Takes factors apart into cloneable data; no copy where they are row-major. */
export const toPlainFactors = ({ A, B, quantized, svdCaptured }: Factors): PlainFactors => ({
  svdCaptured,
  A: toPlain(A),
  B: toPlain(B),
  quantized: quantized && { tensors: quantized.tensors, dequantized: toPlain(quantized.dequantized) },
});

/** Puts factors together again; no copy. */
export const fromPlainFactors = ({ A, B, quantized, svdCaptured }: PlainFactors): Factors => ({
  ...(svdCaptured !== undefined && { svdCaptured }),
  A: fromPlain(A),
  B: fromPlain(B),
  ...(quantized && { quantized: { tensors: quantized.tensors, dequantized: fromPlain(quantized.dequantized) } }),
});

/** What a quantized shard holds; it moves to a worker and back, so that there is only one of each matrix. */
export type ShardContent = Pick<QuantizedShard, 'quantized' | 'E' | 'weights'>;

/** `ShardContent` as cloneable data. */
export interface PlainShard {
  readonly quantized: QuantizedTensors;
  readonly E: PlainMatrix;
  readonly weights: { readonly W: PlainMatrix; readonly Q: PlainMatrix } | undefined;
}

/** Takes a shard apart into cloneable data; no copy. */
export const toPlainShard = ({ quantized, E, weights }: ShardContent): PlainShard => ({
  quantized,
  E: toPlain(E),
  weights: weights && { W: toPlain(weights.W), Q: toPlain(weights.Q) },
});

/** Puts a shard together again; no copy. */
export const fromPlainShard = ({ quantized, E, weights }: PlainShard): ShardContent => ({
  quantized,
  E: fromPlain(E),
  weights: weights && { W: fromPlain(weights.W), Q: fromPlain(weights.Q) },
});

const buffersOfTensors = ({ tensors }: QuantizedTensors): ArrayBuffer[] => buffersOf(...Object.values(tensors).map(({ bytes }) => bytes));

/** Buffers of a shard, for moving them. */
export const buffersOfShard = ({ quantized, E, weights }: PlainShard): ArrayBuffer[] => [
  // A quantizer may return W itself as Q; a buffer moves once.
  ...new Set([...buffersOf(E.data, ...(weights ? [weights.W.data, weights.Q.data] : [])), ...buffersOfTensors(quantized)]),
];

/**
 * Quantizes a weight matrix.
 *
 * @param W not to be used afterwards
 * @param keepWeights hold W and Q beside E
 */
export const quantizeToShard = async (
  W: Matrix,
  quantizer: Quantizer,
  options: QuantizeOptions,
  keepWeights: boolean,
): Promise<ShardContent> => {
  if (!keepWeights) {
    const { tensors, E } = await quantizeResidual(W, quantizer, options);
    return { quantized: { tensors }, E, weights: undefined };
  }
  const { quantized, E } = await quantizeWeight(W, quantizer, options);
  return { quantized: { tensors: quantized.tensors }, E, weights: { W, Q: quantized.dequantized } };
};

/** What `quantizeShard` works on. */
export interface QuantizeArgument {
  readonly module: string;
  readonly location: TensorLocation;
  readonly dtype: FloatDType;
  readonly quantizer: ModuleReference;
  readonly keepWeights: boolean;
}

/** Reads a weight matrix and quantizes it. */
export const quantizeShard: WorkerTask<QuantizeArgument, PlainShard> = async (argument, { makeRoom }) => {
  const { module, location, dtype, quantizer, keepWeights } = argument;
  await makeRoom();
  const own = await loadReference<Quantizer>(quantizer);
  const value = toPlainShard(await quantizeToShard(await readMatrix(location), own, { module, dtype }, keepWeights));
  return { value, transfer: buffersOfShard(value), letGoBytes: value.E.data.byteLength };
};

/** The problem that a shard poses to an initializer. */
export const problemOf = (
  { quantized, E, weights }: ShardContent,
  known: Omit<InitializerProblem, 'W' | 'quantized' | 'E'>,
): InitializerProblem =>
  weights
    ? { ...known, E, W: weights.W, quantized: { tensors: quantized.tensors, dequantized: weights.Q } }
    : residualProblem({ ...known, E });

/** The chosen factors, balanced where asked for. */
export const chooseFactors = async (
  initializer: Initializer,
  problem: InitializerProblem,
  balance: boolean,
  context: InitializerContext,
): Promise<Factors> => {
  const factors = await initializer.initialize(problem, context);
  return balance ? balanced(factors, context) : factors;
};

/** A corrected shard: what it holds, its factors and what they are worth. */
export interface PlainCorrection extends PlainShard {
  readonly factors: PlainFactors;
  readonly certificate: Certificate;
}

/** A corrected shard, with the seconds of both parts of its correction. */
export interface CorrectResult extends PlainCorrection {
  readonly seconds: Readonly<Record<'initialize' | 'certify', number>>;
}

/** Buffers of a shard and its factors, for moving them. */
export const buffersOfCorrection = ({ factors, ...shard }: PlainShard & { readonly factors: PlainFactors }): ArrayBuffer[] => [
  ...new Set([
    ...buffersOfShard(shard),
    ...buffersOf(factors.A.data, factors.B.data),
    ...(factors.quantized ? [...buffersOf(factors.quantized.dequantized.data), ...buffersOfTensors(factors.quantized)] : []),
  ]),
];

/**
 * Calibration sums of the same kind as the held-out ones: an expert with too few tokens of its own has the H of all experts,
 * which goes through E where its held-out sum is a G.
 */
export const alikeStatistics = async (
  E: Matrix,
  statistic: Statistic,
  heldOut: Statistic | undefined,
  engine: MatrixEngine,
): Promise<Statistic> => {
  if (statistic.kind !== 'H' || heldOut?.kind !== 'G') return statistic;
  const sum = await engine.multiply(await engine.multiply(E, statistic.sum), E, { transposeB: true });
  return { kind: 'G', sum, tokens: statistic.tokens };
};

/** The sums that a layer is corrected from and judged by. */
interface PackedSums {
  readonly statistic: PackedStatistic;
  readonly heldOut: PackedStatistic | undefined;
}

/** Bytes of the unpacked sums, which are let go at the end of a task. */
const letGo = ({ statistic, heldOut }: PackedSums): number => 2 * (packedBytes(statistic) + (heldOut ? packedBytes(heldOut) : 0));

/** Unpacks the sums of a layer, with the products of E that solver and certificate share. */
const unpackSums = (
  { statistic, heldOut }: PackedSums,
  E: Matrix,
  engine: MatrixEngine,
): { readonly statistic: Statistic; readonly heldOut: Statistic | undefined; readonly products: ResidualProducts } => {
  const sums = { statistic: unpackStatistic(statistic), heldOut: heldOut && unpackStatistic(heldOut) };
  const alike = [sums.statistic, ...(sums.heldOut ? [sums.heldOut] : [])].filter(({ kind }) => kind === 'H');
  const products = residualProducts(
    E,
    alike.map(({ sum }) => sum),
    engine,
  );
  return { ...sums, products };
};

/** Computes what the factors of a layer are worth. */
const certifyFactors = async (
  module: string,
  { E, weights }: ShardContent,
  factors: Factors,
  { statistic, heldOut, products }: ReturnType<typeof unpackSums>,
  engine: MatrixEngine,
): Promise<Certificate> =>
  certify(
    { ...{ module, W: weights?.W, E, factors, heldOut, products }, statistic: await alikeStatistics(E, statistic, heldOut, engine) },
    { linalg: engine },
  );

/** What `correctShard` works on. */
export interface CorrectArgument extends PlainShard, PackedSums {
  readonly module: string;
  readonly dtype: FloatDType;
  readonly rank: number;
  readonly quantizer: ModuleReference;
  readonly initializer: ModuleReference;
  readonly balance: boolean;
}

/** Chooses the factors of one layer and computes what they are worth; what both need of its sums is computed once. */
export const correctShard: WorkerTask<CorrectArgument, CorrectResult> = async (argument, { linalg, makeRoom }) => {
  await makeRoom();
  const stopwatch = new Stopwatch({ initialize: 0, certify: 0 });
  const { module, dtype, rank, balance } = argument;
  const content = fromPlainShard(argument);
  const sums = unpackSums(argument, content.E, linalg);
  const factors = await stopwatch.time('initialize', async () => {
    const initializer = await loadReference<Initializer>(argument.initializer);
    const known = {
      ...{ module, rank, products: sums.products, statistic: initializer.usesStatistic ? sums.statistic : undefined },
      quantizer: await loadReference<Quantizer>(argument.quantizer),
      quantizeOptions: { module, dtype },
    };
    return chooseFactors(initializer, problemOf(content, known), balance, { linalg });
  });
  const certificate = await stopwatch.time('certify', () => certifyFactors(module, content, factors, sums, linalg));
  const correction = { ...toPlainShard(content), factors: toPlainFactors(factors), certificate };
  const value = { ...correction, seconds: stopwatch.seconds };
  return { value, transfer: buffersOfCorrection(correction), letGoBytes: letGo(argument) };
};

/** What `certifyShard` works on. */
export interface CertifyArgument extends PlainShard, PackedSums {
  readonly module: string;
  readonly factors: PlainFactors;
}

/** Computes what factors are worth that were chosen elsewhere. */
export const certifyShard: WorkerTask<CertifyArgument, PlainCorrection> = async (argument, { linalg, makeRoom }) => {
  await makeRoom();
  const content = fromPlainShard(argument);
  const factors = fromPlainFactors(argument.factors);
  const sums = unpackSums(argument, content.E, linalg);
  const certificate = await certifyFactors(argument.module, content, factors, sums, linalg);
  const value = { ...toPlainShard(content), factors: argument.factors, certificate };
  return { value, transfer: buffersOfCorrection(value), letGoBytes: letGo(argument) };
};
