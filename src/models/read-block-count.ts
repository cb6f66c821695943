import type { Checkpoint } from '../checkpoint/index.js';
import { MalformedConfigError, type ConfigReader } from './config-reader.js';

/**
 * Reads the number of blocks, before anything is made for each of them.
 *
 * @param key key of config.json
 * @param fallback where the key is absent or null
 * @throws MalformedConfigError QL_CONFIG for more blocks than the checkpoint has tensors; retrying does not help
 */
export const readBlockCount = (
  { tensors }: Pick<Checkpoint, 'tensors'>,
  config: ConfigReader,
  key = 'num_hidden_layers',
  fallback?: number,
): number => {
  const blocks = config.count(key, fallback);
  if (blocks > tensors.size)
    throw new MalformedConfigError(
      `config.json: "${key}" is ${blocks}, but the checkpoint holds ${tensors.size} tensors in all. Compare it with the original model's file.`,
    );
  return blocks;
};
