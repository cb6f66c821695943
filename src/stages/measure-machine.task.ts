import { matrix, random } from '../foundation/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { loadReference, type ModuleReference, type WorkerTask } from '../runtime/index.js';

/** What a worker measures itself with. */
export interface MeasureArgument {
  /** Rows and columns of the weight that is multiplied by. */
  readonly width: number;
  readonly quantizer: ModuleReference;
  /** Seconds that each of the two measurements takes at least. */
  readonly seconds: number;
}

/** What one worker can do. */
export interface MeasureResult {
  readonly operations: number;
  readonly multiplySeconds: number;
  readonly weights: number;
  readonly quantizeSeconds: number;
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

/** Measures how fast this worker multiplies and quantizes. */
export const measureWorker: WorkerTask<MeasureArgument, MeasureResult> = async ({ width, quantizer, seconds }, { linalg }) => {
  const stream = random(1);
  const noise = (rows: number): ReturnType<typeof matrix> =>
    matrix(
      rows,
      width,
      Float32Array.from({ length: rows * width }, () => stream.normal()),
    );
  const [x, w, weight] = [noise(ROWS), noise(width), noise(QUANTIZED_ROWS)];
  const own = await loadReference<Quantizer>(quantizer);
  const products = await repeat(seconds, () => linalg.multiply(x, w, { transposeB: true }));
  const codings = await repeat(seconds, async () => own.quantize(weight, { module: 'measured', dtype: 'BF16' }));
  return {
    value: {
      operations: 2 * products.times * ROWS * width * width,
      multiplySeconds: products.seconds,
      weights: codings.times * QUANTIZED_ROWS * width,
      quantizeSeconds: codings.seconds,
    },
  };
};
