import { readMatrix, readTensor, type TensorLocation } from '../checkpoint/index.js';
import {
  describeDifference,
  describePlainDifference,
  measureUnweighted,
  measureWeighted,
  type AdapterModule,
  type ExpertFactors,
  type MeasuredCorrection,
  type PlainPair,
} from '../evaluation/index.js';
import { matrix, rowMajor, transposed, type FloatDType, type Matrix } from '../foundation/index.js';
import type { Initializer } from '../initializers/index.js';
import { QuantizationError, residualOf, type QuantizedMatrix, type Quantizer, type RawTensor } from '../quantizers/index.js';
import { loadReference, type ModuleReference, type WorkerContext, type WorkerTask } from '../runtime/index.js';
import { alikeStatistics } from './shard.task.js';
import { unpackStatistic, type PackedStatistic } from './statistics.js';

/** What `verifyShard` works on. */
export interface VerifyShardArgument {
  readonly module: string;
  readonly location: TensorLocation;
  readonly dtype: FloatDType;
  readonly quantizer: ModuleReference;
  /** For a layer whose base an initializer chose: that initializer, which must need no text, and the rank. */
  readonly requantizer: { readonly initializer: ModuleReference; readonly rank: number } | undefined;
  /** The layer's tensors in the base by their suffix; undefined without a base. */
  readonly stored: Readonly<Record<string, TensorLocation>> | undefined;
  /** The layer's factors as stored; undefined where it has none, or none that fit. */
  readonly factors: AdapterModule | undefined;
  /** The factors of a routed expert's matrix. */
  readonly expertFactors?: ExpertFactors | undefined;
  readonly statistic: PackedStatistic | undefined;
  readonly heldOut: PackedStatistic | undefined;
}

/** What a layer's bytes turned out to be. */
export interface VerifyShardResult {
  /** Tensors of the base that are not what they should be, by suffix, each with what is wrong with it. */
  readonly differences: readonly { readonly suffix: string; readonly problem: 'missing' | 'extra' | 'different'; readonly text: string }[];
  /** Undefined without factors, or with factors that are not finite. */
  readonly measured: MeasuredCorrection | undefined;
  /** The factor that holds NaN or infinity. */
  readonly notFinite: string | undefined;
}

const readRaw = async (location: TensorLocation): Promise<RawTensor> => ({
  dtype: location.dtype,
  shape: location.shape,
  bytes: await readTensor(location),
});

const readAll = async (stored: Readonly<Record<string, TensorLocation>>): Promise<Record<string, RawTensor>> => {
  const tensors: Record<string, RawTensor> = {};
  for (const [suffix, location] of Object.entries(stored)) tensors[suffix] = await readRaw(location);
  return tensors;
};

const compare = (
  expected: Readonly<Record<string, RawTensor>>,
  stored: Readonly<Record<string, RawTensor>>,
): VerifyShardResult['differences'] => {
  const suffixes = [...new Set([...Object.keys(expected), ...Object.keys(stored)])];
  return suffixes.flatMap((suffix): VerifyShardResult['differences'] => {
    const [wanted, found] = [expected[suffix], stored[suffix]];
    if (!found) return [{ suffix, problem: 'missing', text: 'base/ does not hold it' }];
    if (!wanted) return [{ suffix, problem: 'extra', text: 'base/ holds it, but the quantizer makes no such tensor' }];
    const text = describeDifference(wanted, found);
    return text === undefined ? [] : [{ suffix, problem: 'different', text }];
  });
};

/** Q as the base's tensors give it; undefined where they can't be read, which a comparison has told already. */
const readBack = (
  quantizer: Quantizer,
  tensors: Readonly<Record<string, RawTensor>>,
  W: Matrix,
  argument: VerifyShardArgument,
): QuantizedMatrix | undefined => {
  const { module, dtype } = argument;
  try {
    return { tensors, dequantized: quantizer.dequantize(tensors, [W.shape[0]!, W.shape[1]!], { module, dtype }) };
  } catch (error) {
    if (error instanceof QuantizationError) return undefined;
    throw error;
  }
};

/** The quantization that must lie in the base: the stock one, or the initializer's own, made again. */
const expectedQuantization = async (
  argument: VerifyShardArgument,
  quantizer: Quantizer,
  stock: QuantizedMatrix,
  W: Matrix,
  { linalg }: WorkerContext,
): Promise<QuantizedMatrix> => {
  const { module, dtype, requantizer } = argument;
  if (!requantizer) return stock;
  const initializer = await loadReference<Initializer>(requantizer.initializer);
  const residual = { W, quantized: stock, E: residualOf(W, stock.dequantized), statistic: undefined };
  const problem = { module, ...residual, rank: requantizer.rank, quantizer, quantizeOptions: { module, dtype } };
  return (await initializer.initialize(problem, { linalg })).quantized ?? stock;
};

const measure = async (
  { module, statistic, heldOut, requantizer }: VerifyShardArgument,
  { W, stock, actual }: { readonly W: Matrix; readonly stock: QuantizedMatrix; readonly actual: QuantizedMatrix },
  factors: { readonly A: Matrix; readonly B: Matrix },
  { linalg }: WorkerContext,
): Promise<MeasuredCorrection> => {
  const E = residualOf(W, stock.dequantized);
  const answered = requantizer ? residualOf(W, actual.dequantized) : E;
  const unweighted = await measureUnweighted(answered, factors.A, factors.B, linalg);
  if (!statistic) return { unweighted, weighted: undefined };
  // A G belongs to the stock residual, and is kept only where that is what the base stores.
  const own = actual === stock || statistic.kind === 'G' ? {} : { quantized: actual };
  const held = heldOut && unpackStatistic(heldOut);
  const layer = {
    ...{ module, W, E, heldOut: held, factors: { ...factors, ...own } },
    statistic: await alikeStatistics(E, unpackStatistic(statistic), held, linalg),
  };
  return { unweighted, weighted: await measureWeighted(layer, unweighted, linalg) };
};

const isFinite = (values: Float32Array): boolean => values.every((value) => Number.isFinite(value));

/** Factors as A [out, rank] and B [in, rank], scaled; or the name of the one that is not finite. */
const readFactors = async ({ factors, expertFactors }: VerifyShardArgument): Promise<{ A: Matrix; B: Matrix } | string | undefined> => {
  if (factors) {
    const [loraA, loraB] = [await readMatrix(factors.A), await readMatrix(factors.B)];
    if (!isFinite(rowMajor(loraA))) return 'lora_A';
    if (!isFinite(rowMajor(loraB))) return 'lora_B';
    const scaled = rowMajor(loraB).map((value) => value * factors.scaling);
    return { A: matrix(loraB.shape[0]!, loraB.shape[1]!, scaled), B: transposed(loraA) };
  }
  if (!expertFactors) return undefined;
  const [A, B] = [await readMatrix(expertFactors.A), await readMatrix(expertFactors.B)];
  if (!isFinite(rowMajor(A))) return 'A';
  return isFinite(rowMajor(B)) ? { A, B } : 'B';
};

/** Compares what the base stores of one layer with what belongs there, and measures what its factors are worth. */
export const verifyShard: WorkerTask<VerifyShardArgument, VerifyShardResult> = async (argument, context) => {
  const { module, dtype, location, stored } = argument;
  await context.makeRoom();
  const W = await readMatrix(location);
  const quantizer = await loadReference<Quantizer>(argument.quantizer);
  const stock = await quantizer.quantize(W, { module, dtype });
  const expected = await expectedQuantization(argument, quantizer, stock, W, context);
  const tensors = stored && (await readAll(stored));
  const differences = tensors ? compare(expected.tensors, tensors) : [];
  const factors = await readFactors(argument);
  if (factors === undefined) return { value: { differences, measured: undefined, notFinite: undefined } };
  if (typeof factors === 'string') return { value: { differences, measured: undefined, notFinite: factors } };
  const actual = tensors && differences.length > 0 ? (readBack(quantizer, tensors, W, argument) ?? expected) : expected;
  return { value: { differences, measured: await measure(argument, { W, stock, actual }, factors, context), notFinite: undefined } };
};

/** Compares one plain tensor of the base with its source; gives what differs, or undefined. */
export const verifyPlain: WorkerTask<PlainPair, string | undefined> = async (pair) => ({ value: await describePlainDifference(pair) });
