import { matrix, random } from '../foundation/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { loadReference, type ModuleReference, type WorkerTask } from '../runtime/index.js';

/** How a worker measures itself. */
export interface MeasureArgument {
  /** Rows and columns of the weight that is multiplied by, columns of the one that is quantized. */
  readonly width: number;
  /** Seconds that the measurement takes at least. */
  readonly seconds: number;
}

/** The same for quantization. */
export interface MeasureQuantizerArgument extends MeasureArgument {
  readonly quantizer: ModuleReference;
}

/** Rows of activations in one product, as in a run of a block. */
const ROWS = 512;

/** Rows of a weight that is quantized. */
const QUANTIZED_ROWS = 256;

/** Repeats some work for a while; the first time, which prepares, does not count. */
const repeat = async (seconds: number, work: () => Promise<unknown>): Promise<{ times: number; seconds: number }> => {
  await work();
  const begin = performance.now();
  let times = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    await work();
    times++;
    elapsed = (performance.now() - begin) / 1000;
  }
  return { times, seconds: elapsed };
};

const noise = (rows: number, columns: number): ReturnType<typeof matrix> => {
  const stream = random(1);
  return matrix(
    rows,
    columns,
    Float32Array.from({ length: rows * columns }, () => stream.normal()),
  );
};

/** Measures the floating-point operations that this worker does in a second of products [512, width] · [width, width]. */
export const measureProducts: WorkerTask<MeasureArgument, number> = async ({ width, seconds }, { linalg }) => {
  const [x, w] = [noise(ROWS, width), noise(width, width)];
  const products = await repeat(seconds, () => linalg.multiply(x, w, { transposeB: true }));
  return { value: (2 * products.times * ROWS * width * width) / products.seconds };
};

/** Measures the weights that this worker quantizes in a second. */
export const measureQuantizer: WorkerTask<MeasureQuantizerArgument, number> = async ({ width, quantizer, seconds }) => {
  const weight = noise(QUANTIZED_ROWS, width);
  const own = await loadReference<Quantizer>(quantizer);
  const codings = await repeat(seconds, async () => own.quantize(weight, { module: 'measured', dtype: 'BF16' }));
  return { value: (codings.times * QUANTIZED_ROWS * width) / codings.seconds };
};
