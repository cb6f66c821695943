import { GramFold, GramGraphs } from '../calibration/index.js';
import { fromFloat32, matrix, random, rowMajor, type Matrix } from '../foundation/index.js';
import { GraphBuilder } from '../graph/index.js';
import { topEigenpairs } from '../linalg/index.js';
import { splitActivations, splitProduct, splitWeight } from '../models/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { loadReference, Session, type ModuleReference, type WorkerTask } from '../runtime/index.js';

/** How long a worker measures itself. */
interface Measurement {
  /** Seconds that the measurement takes at least. */
  readonly seconds: number;
}

/** A product [rows, inner] · [inner, columns]. */
export interface MeasureProductArgument extends Measurement {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** True where the right side lies as a weight does, [columns, inner]. */
  readonly transposed: boolean;
}

/** A sum over activations. */
export interface MeasureSumArgument extends Measurement {
  readonly rows: number;
  readonly width: number;
}

/** A search for eigenvectors. */
export interface MeasureSolverArgument extends Measurement {
  readonly dimension: number;
  readonly rank: number;
}

/** Quantization of weights with so many columns. */
export interface MeasureQuantizerArgument extends Measurement {
  readonly width: number;
  readonly quantizer: ModuleReference;
}

/** Rows of a weight that is quantized. */
const QUANTIZED_ROWS = 256;

/** Numbers that are drawn; longer arrays repeat them. Odd, so that rows differ. */
const DRAWN = 65_537;

/** Does some work once to prepare, then repeats it for a while. @returns times a second */
const timesPerSecond = async (seconds: number, work: () => Promise<unknown>): Promise<number> => {
  await work();
  const begin = performance.now();
  let times = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    await work();
    times++;
    elapsed = (performance.now() - begin) / 1000;
  }
  return times / elapsed;
};

const noise = (rows: number, columns: number): Matrix => {
  const stream = random(1);
  const drawn = Float32Array.from({ length: Math.min(DRAWN, rows * columns) }, () => stream.normal());
  const values = new Float32Array(rows * columns);
  for (let at = 0; at < values.length; at += DRAWN) values.set(drawn.subarray(0, values.length - at), at);
  return matrix(rows, columns, values);
};

const productOperations = ({ rows, inner, columns }: MeasureProductArgument): number => 2 * rows * inner * columns;

/** Measures the operations that this worker does in a second of float32 products. */
export const measureProducts: WorkerTask<MeasureProductArgument, number> = async (argument, { linalg }) => {
  const { rows, inner, columns, transposed, seconds } = argument;
  const [x, w] = [noise(rows, inner), transposed ? noise(columns, inner) : noise(inner, columns)];
  const times = await timesPerSecond(seconds, () => linalg.multiply(x, w, { transposeB: transposed }));
  return { value: times * productOperations(argument) };
};

/** Measures the same with a constant right side, as a block's graph has its weights in float32. */
export const measureConstantProducts: WorkerTask<MeasureProductArgument, number> = async (argument, { threads }) => {
  const { rows, inner, columns, seconds } = argument;
  const graph = new GraphBuilder('constant products');
  const weight = graph.floats(rowMajor(noise(columns, inner)), [columns, inner]);
  const product = graph.node('FusedMatMul', [graph.input('x', 'F32', [rows, inner]), weight], { transB: { int: 1 } }, 'com.microsoft');
  graph.output(product, 'F32', [rows, columns], 'y');
  const x = { data: rowMajor(noise(rows, inner)), shape: [rows, inner] };
  const y = { data: new Float32Array(rows * columns), shape: [rows, columns] };
  const session = await Session.open('a product with a constant', graph.serialize(), { threads });
  try {
    const times = await timesPerSecond(seconds, () => session.run({ x }, { y }));
    return { value: times * productOperations(argument) };
  } finally {
    await session.release();
  }
};

/** Measures the same by slices, as a block's graph computes its linear layers: the activations are sliced, the weight is fed in slices. */
export const measureSplitProducts: WorkerTask<MeasureProductArgument, number> = async (argument, { threads }) => {
  const { rows, inner, columns, seconds } = argument;
  const weight = { name: 'w', outFeatures: columns, inFeatures: inner };
  const graph = new GraphBuilder('split products');
  const sliced = splitActivations(graph, graph.input('x', 'F32', [rows, inner]));
  graph.output(splitProduct(graph, sliced, weight), 'F32', [rows, columns], 'y');
  const bytes = fromFloat32(rowMajor(noise(columns, inner)), 'BF16');
  const feeds = { x: { data: rowMajor(noise(rows, inner)), shape: [rows, inner] }, ...splitWeight('w', bytes, 'BF16', [columns, inner]) };
  const y = { data: new Float32Array(rows * columns), shape: [rows, columns] };
  const session = await Session.open('a product by slices', graph.serialize(), { threads });
  try {
    const times = await timesPerSecond(seconds, () => session.run(feeds, { y }));
    return { value: times * productOperations(argument) };
  } finally {
    await session.release();
  }
};

/** Measures the times a second that this worker adds activations to a sum Σ x xᵀ. */
export const measureSums: WorkerTask<MeasureSumArgument, number> = async ({ rows, width, seconds }, { threads }) => {
  const graphs = new GramGraphs(threads);
  const x = rowMajor(noise(rows, width));
  try {
    const fold = await GramFold.open(width, undefined, graphs);
    return { value: await timesPerSecond(seconds, () => fold.addRows(x)) };
  } finally {
    await graphs.release();
  }
};

/** Measures the rows a second of an eigensolver's own work: its matrix is diagonal, with values that fall slowly. */
export const measureSolver: WorkerTask<MeasureSolverArgument, number> = async ({ dimension, rank, seconds }, { linalg }) => {
  const diagonal = Float64Array.from({ length: dimension }, (_, i) => 1 / Math.sqrt(1 + i));
  const trace = diagonal.reduce((sum, value) => sum + value, 0);
  const apply = async (V: Matrix): Promise<Matrix> => {
    const columns = V.shape[1]!;
    return matrix(
      dimension,
      columns,
      rowMajor(V).map((value, at) => value * diagonal[Math.floor(at / columns)]!),
    );
  };
  const times = await timesPerSecond(seconds, () => topEigenpairs({ dimension, trace, apply }, rank, linalg));
  return { value: times * dimension };
};

/** Measures the weights that this worker quantizes in a second. */
export const measureQuantizer: WorkerTask<MeasureQuantizerArgument, number> = async ({ width, quantizer, seconds }) => {
  const weight = noise(QUANTIZED_ROWS, width);
  const own = await loadReference<Quantizer>(quantizer);
  const times = await timesPerSecond(seconds, async () => own.quantize(weight, { module: 'measured', dtype: 'BF16' }));
  return { value: times * QUANTIZED_ROWS * width };
};
