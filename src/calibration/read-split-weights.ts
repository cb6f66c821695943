import { readTensor, type TensorLocation } from '../checkpoint/index.js';
import { isFloatDType } from '../foundation/index.js';
import { collectGarbage } from '../runtime/index.js';
import { splitWeight, UnsupportedModelError, type ModelPiece, type SplitTensors } from '../models/index.js';

type Allocate = (length: number) => Int8Array;

const split = async (location: TensorLocation, allocate: Allocate): Promise<SplitTensors> => {
  const { name, dtype, shape } = location;
  const [outFeatures, inFeatures] = shape;
  if (!isFloatDType(dtype) || outFeatures === undefined || inFeatures === undefined)
    throw new UnsupportedModelError(
      `"${name}" is ${dtype} [${shape.join(', ')}], and only float matrices can be split. Use f32 arithmetic.`,
    );
  return splitWeight(name, await readTensor(location), dtype, [outFeatures, inFeatures], allocate);
};

/** Hands out the memory of slices that are needed no longer, and new memory where none of that length is left. */
const reuse = (before: SplitTensors): Allocate => {
  const spare = Object.values(before).flatMap(({ data }) => (data instanceof Int8Array ? [data] : []));
  return (length) => {
    const at = spare.findIndex((slice) => slice.length === length);
    return at < 0 ? new Int8Array(length) : spare.splice(at, 1)[0]!;
  };
};

/**
 * Reads the weights that a piece is given in slices at each run; none where it has no weight in the form `split`.
 *
 * @param before slices of a piece that was released: their memory is used again, because the collector frees it late
 * @throws the errors of `readTensor`
 */
export const readSplitWeights = async ({ splitWeights = [] }: ModelPiece, before: SplitTensors = {}): Promise<SplitTensors> => {
  const feeds: Record<string, SplitTensors[string]> = {};
  const allocate = reuse(before);
  for (const location of splitWeights) {
    Object.assign(feeds, await split(location, allocate));
    collectGarbage(location.length);
  }
  return feeds;
};
