import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import { isFloatDType } from '../foundation/index.js';
import { MalformedConfigError } from './config-reader.js';

/**
 * Looks up a float tensor and checks its shape against config.json.
 *
 * @throws MalformedConfigError QL_CONFIG when it is missing, misshapen or not of a float type; retrying does not help
 */
export const expectTensor = (checkpoint: Checkpoint, name: string, shape: readonly number[]): TensorLocation => {
  const location = checkpoint.tensors.get(name);
  if (!location)
    throw new MalformedConfigError(
      `The checkpoint has no tensor "${name}", which its config.json calls for (shape [${shape.join(', ')}]). Fetch the missing shard, or check model_type.`,
    );
  if (location.shape.join() !== shape.join())
    throw new MalformedConfigError(
      `"${name}" has shape [${location.shape.join(', ')}], but config.json calls for [${shape.join(', ')}]. They belong to different models.`,
    );
  if (!isFloatDType(location.dtype))
    throw new MalformedConfigError(`"${name}" is stored as ${location.dtype}; weights in BF16, F16 or F32 are supported.`);
  return location;
};
