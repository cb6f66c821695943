import { readTensor, type TensorLocation } from '../checkpoint/index.js';
import { isFloatDType } from '../foundation/index.js';
import { splitWeight, UnsupportedModelError, type ModelPiece } from '../models/index.js';
import type { SessionTensor } from '../runtime/index.js';

const split = async (location: TensorLocation): Promise<Readonly<Record<string, SessionTensor>>> => {
  const { name, dtype, shape } = location;
  const [outFeatures, inFeatures] = shape;
  if (!isFloatDType(dtype) || outFeatures === undefined || inFeatures === undefined)
    throw new UnsupportedModelError(
      `"${name}" is ${dtype} [${shape.join(', ')}], and only float matrices can be split. Use f32 arithmetic.`,
    );
  return splitWeight(name, await readTensor(location), dtype, [outFeatures, inFeatures]);
};

/**
 * Reads the weights that a piece is given in slices at each run; none where it has no weight in the form `split`.
 *
 * @throws the errors of `readTensor`
 */
export const readSplitWeights = async ({ splitWeights = [] }: ModelPiece): Promise<Readonly<Record<string, SessionTensor>>> => {
  const feeds: Record<string, SessionTensor> = {};
  for (const location of splitWeights) Object.assign(feeds, await split(location));
  return feeds;
};
