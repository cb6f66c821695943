import type { Checkpoint, TensorLocation } from './contract.js';
import { MalformedCheckpointError } from './errors.js';

/** Levenshtein distance: the fewest characters to insert, remove or replace. */
const editDistance = (a: string, b: string): number => {
  let previous = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = new Uint32Array(b.length + 1);
    current[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1);
    }
    previous = current;
  }
  return previous[b.length]!;
};

/** Names looked at, and their longest, for a suggestion: comparing two takes the product of their lengths. */
const [MOST_NAMES, LONGEST_NAME] = [20_000, 200];

const nearest = (name: string, names: Iterable<string>): string[] =>
  Array.from([...names].filter(({ length }) => length <= LONGEST_NAME).slice(0, MOST_NAMES), (other) => ({
    other,
    distance: editDistance(name, other),
  }))
    .sort((a, b) => a.distance - b.distance || (a.other < b.other ? -1 : 1))
    .slice(0, 3)
    .map(({ other }) => `"${other}"`);

/**
 * Looks a tensor up that the model can't do without.
 *
 * @param shape the shape it must have; any when left out
 * @throws MalformedCheckpointError QL_TENSOR_MISSING, naming the nearest names, or QL_TENSOR_SHAPE; retrying does not help
 */
export const requireTensor = (checkpoint: Pick<Checkpoint, 'tensors'>, name: string, shape?: readonly number[]): TensorLocation => {
  const location = checkpoint.tensors.get(name);
  if (!location) {
    const near = nearest(name, checkpoint.tensors.keys());
    throw new MalformedCheckpointError(
      'QL_TENSOR_MISSING',
      `The checkpoint holds no tensor "${name}". ${near.length ? `The nearest of its ${checkpoint.tensors.size} names: ${near.join(', ')}.` : 'It holds no tensor at all.'} Check that config.json belongs to these weights and that every shard is there.`,
    );
  }
  if (shape && (location.shape.length !== shape.length || location.shape.some((size, i) => size !== shape[i])))
    throw new MalformedCheckpointError(
      'QL_TENSOR_SHAPE',
      `"${name}" has shape [${location.shape.join(', ')}], but config.json asks for [${shape.join(', ')}]. Check that config.json belongs to these weights.`,
    );
  return location;
};
