import { fromPlain, toPlain, type PlainMatrix } from '../foundation/index.js';
import type { MultiplyOptions } from './matrix-engine.js';
import { buffersOf, type WorkerTask } from './worker-task.js';

/** Operands of a product that the main thread asks for. */
export interface MultiplyArgument {
  readonly A: PlainMatrix;
  readonly B: PlainMatrix;
  readonly options: MultiplyOptions;
}

/** Multiplies two matrices for the main thread. */
export const multiply: WorkerTask<MultiplyArgument, PlainMatrix> = async ({ A, B, options }, { linalg }) => {
  const product = toPlain(await linalg.multiply(fromPlain(A), fromPlain(B), options));
  return { value: product, transfer: buffersOf(product.data) };
};
