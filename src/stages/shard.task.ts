import { readTensor, type TensorLocation } from '../checkpoint/index.js';
import { fromPlain, matrix, rowMajor, toFloat32, toPlain, type FloatDType, type Matrix, type PlainMatrix } from '../foundation/index.js';
import {
  balanced,
  certify,
  type Certificate,
  type Factors,
  type Initializer,
  type InitializerContext,
  type InitializerProblem,
  type Statistic,
} from '../initializers/index.js';
import type { QuantizedMatrix, Quantizer, RawTensor } from '../quantizers/index.js';
import { buffersOf, loadReference, type MatrixEngine, type ModuleReference, type WorkerTask } from '../runtime/index.js';

/** `QuantizedMatrix` as cloneable data. */
export interface PlainQuantized {
  readonly tensors: Readonly<Record<string, RawTensor>>;
  readonly dequantized: PlainMatrix;
}

/** `Statistic` as cloneable data; the sum lies in shared memory. */
export interface PlainStatistic extends Omit<Statistic, 'sum'> {
  readonly sum: PlainMatrix;
}

/** `Factors` as cloneable data. */
export interface PlainFactors {
  readonly A: PlainMatrix;
  readonly B: PlainMatrix;
  readonly quantized: PlainQuantized | undefined;
  readonly svdCaptured: number | undefined;
}

/** Takes a quantized matrix apart into cloneable data; no copy. */
export const toPlainQuantized = ({ tensors, dequantized }: QuantizedMatrix): PlainQuantized => ({
  tensors,
  dequantized: toPlain(dequantized),
});

/** Puts a quantized matrix together again; no copy. */
export const fromPlainQuantized = ({ tensors, dequantized }: PlainQuantized): QuantizedMatrix => ({
  tensors,
  dequantized: fromPlain(dequantized),
});

/** Takes a statistic apart into cloneable data; no copy. */
export const toPlainStatistic = ({ sum, ...rest }: Statistic): PlainStatistic => ({ ...rest, sum: toPlain(sum) });

/** Takes factors apart into cloneable data; no copy where they are row-major. */
export const toPlainFactors = ({ A, B, quantized, svdCaptured }: Factors): PlainFactors => ({
  svdCaptured,
  A: toPlain(A),
  B: toPlain(B),
  quantized: quantized && toPlainQuantized(quantized),
});

/** Puts factors together again; no copy. */
export const fromPlainFactors = ({ A, B, quantized, svdCaptured }: PlainFactors): Factors => ({
  ...(svdCaptured !== undefined && { svdCaptured }),
  A: fromPlain(A),
  B: fromPlain(B),
  ...(quantized && { quantized: fromPlainQuantized(quantized) }),
});

/** ONNX Runtime refuses tensors over shared memory, so a worker takes its own copy. */
export const ownStatistic = ({ sum, ...rest }: PlainStatistic): Statistic => ({
  ...rest,
  sum: fromPlain({ ...sum, data: sum.data.slice() }),
});

const buffersOfQuantized = ({ tensors, dequantized }: PlainQuantized): ArrayBuffer[] =>
  buffersOf(dequantized.data, ...Object.values(tensors).map(({ bytes }) => bytes));

/** Computes E = W − Q. */
export const residualOf = (W: Matrix, Q: Matrix): Matrix => {
  const q = rowMajor(Q);
  return matrix(
    W.shape[0]!,
    W.shape[1]!,
    rowMajor(W).map((value, i) => value - q[i]!),
  );
};

/** Reads one weight matrix, [out, in], as float32. */
export const readWeight = async (location: TensorLocation): Promise<Matrix> =>
  matrix(location.shape[0]!, location.shape[1]!, toFloat32(await readTensor(location), location.dtype));

/** What `quantizeShard` works on. */
export interface QuantizeArgument {
  readonly module: string;
  readonly location: TensorLocation;
  readonly dtype: FloatDType;
  readonly quantizer: ModuleReference;
}

/** Reads a weight matrix and quantizes it. */
export const quantizeShard: WorkerTask<QuantizeArgument, ShardMatrices> = async ({ module, location, dtype, quantizer }) => {
  const W = await readWeight(location);
  const quantized = await (await loadReference<Quantizer>(quantizer)).quantize(W, { module, dtype });
  const value = { W: toPlain(W), quantized: toPlainQuantized(quantized), E: toPlain(residualOf(W, quantized.dequantized)) };
  return { value, transfer: buffersOfShard(value) };
};

/** The matrices of a shard; they move to a worker and back, so that there is only one of each. */
export interface ShardMatrices {
  readonly W: PlainMatrix;
  readonly quantized: PlainQuantized;
  readonly E: PlainMatrix;
}

/** Buffers of a shard's matrices, for moving them. */
export const buffersOfShard = ({ W, quantized, E }: ShardMatrices): ArrayBuffer[] => [
  // A quantizer may return W itself as Q; a buffer moves once.
  ...new Set([...buffersOf(W.data, E.data), ...buffersOfQuantized(quantized)]),
];

/** What `initializeShard` works on. */
export interface InitializeArgument extends ShardMatrices {
  readonly module: string;
  readonly dtype: FloatDType;
  readonly statistic: PlainStatistic;
  readonly rank: number;
  readonly quantizer: ModuleReference;
  readonly initializer: ModuleReference;
  readonly balance: boolean;
}

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

/** A shard's matrices and the factors chosen for it. */
export interface InitializeResult extends ShardMatrices {
  readonly factors: PlainFactors;
}

/** Chooses the factors of one layer. */
export const initializeShard: WorkerTask<InitializeArgument, InitializeResult> = async (argument, { linalg }) => {
  const { module, dtype, W, quantized, E, statistic, rank, balance } = argument;
  const problem: InitializerProblem = {
    ...{ module, rank, W: fromPlain(W), quantized: fromPlainQuantized(quantized), E: fromPlain(E), statistic: ownStatistic(statistic) },
    quantizer: await loadReference<Quantizer>(argument.quantizer),
    quantizeOptions: { module, dtype },
  };
  const factors = toPlainFactors(await chooseFactors(await loadReference<Initializer>(argument.initializer), problem, balance, { linalg }));
  const value = { W, quantized, E, factors };
  return { value, transfer: buffersOfInitialized(value) };
};

/** What `certifyShard` works on. */
export interface CertifyArgument extends InitializeResult {
  readonly module: string;
  readonly statistic: PlainStatistic;
  readonly heldOut: PlainStatistic | undefined;
}

/** A shard's matrices, its factors and what they are worth. */
export interface CertifyResult extends InitializeResult {
  readonly certificate: Certificate;
}

/** Buffers of a shard and its factors, for moving them. */
export const buffersOfInitialized = ({ factors, ...matrices }: InitializeResult): ArrayBuffer[] => [
  ...new Set([
    ...buffersOfShard(matrices),
    ...buffersOf(factors.A.data, factors.B.data),
    ...(factors.quantized ? buffersOfQuantized(factors.quantized) : []),
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

/** Computes what the factors of one layer are worth. */
export const certifyShard: WorkerTask<CertifyArgument, CertifyResult> = async (argument, { linalg }) => {
  const { module, W, quantized, E, factors } = argument;
  const heldOut = argument.heldOut && ownStatistic(argument.heldOut);
  const certificate = await certify(
    {
      ...{ module, W: fromPlain(W), E: fromPlain(E), factors: fromPlainFactors(factors) },
      statistic: await alikeStatistics(fromPlain(E), ownStatistic(argument.statistic), heldOut, linalg),
      heldOut,
    },
    { linalg },
  );
  const value = { W, quantized, E, factors, certificate };
  return { value, transfer: buffersOfInitialized(value) };
};
