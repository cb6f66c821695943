import { readTensor, type TensorLocation } from '../checkpoint/index.js';
import { isFloatDType } from '../foundation/index.js';
import { collectGarbage } from '../runtime/index.js';
import { splitWeight, UnsupportedModelError, type ModelPiece, type SplitTensors } from '../models/index.js';

const split = async (location: TensorLocation): Promise<SplitTensors> => {
  const { name, dtype, shape } = location;
  const [outFeatures, inFeatures] = shape;
  if (!isFloatDType(dtype) || outFeatures === undefined || inFeatures === undefined)
    throw new UnsupportedModelError(
      `"${name}" is ${dtype} [${shape.join(', ')}], and only float matrices can be split. Use f32 arithmetic.`,
    );
  return splitWeight(name, await readTensor(location), dtype, [outFeatures, inFeatures], oneAfterTheOther(2 * outFeatures * inFeatures));
};

/**
 * Hands out one piece of memory after the other.
 *
 * The allocator gives a large piece back to the system as soon as it is freed; the slices alone are so small that it keeps them.
 */
const oneAfterTheOther = (length: number): ((length: number) => Int8Array) => {
  const memory = new Int8Array(length);
  let begin = 0;
  return (part) => memory.subarray(begin, (begin += part));
};

/**
 * Reads the weights that a piece is given in slices at each run; none where it has no weight in the form `split`.
 *
 * @throws the errors of `readTensor`
 */
export const readSplitWeights = async ({ splitWeights = [] }: ModelPiece): Promise<SplitTensors> => {
  const feeds: Record<string, SplitTensors[string]> = {};
  for (const location of splitWeights) {
    Object.assign(feeds, await split(location));
    collectGarbage(location.length);
  }
  return feeds;
};
