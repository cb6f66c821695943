import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Checkpoint, TensorLocation } from './contract.js';
import { MalformedCheckpointError } from './errors.js';
import { parseShardIndex, SHARD_INDEX_NAME, type ShardIndex } from './parse-shard-index.js';
import { readSafetensorsHeader } from './read-safetensors-header.js';

const SINGLE_SHARD_NAME = 'model.safetensors';

/** Names at most `limit` of the items. */
const listed = (items: readonly string[], limit = 5): string =>
  items.length <= limit ? items.join(', ') : `${items.slice(0, limit).join(', ')} and ${items.length - limit} more`;

const resolveDirectory = async (directory: string): Promise<string> => {
  const found = await realpath(directory).catch((cause: unknown) => {
    throw new MalformedCheckpointError(
      'QL_CHECKPOINT_MISSING',
      `${directory}: there is no such directory. MODEL is a checkpoint directory on disk; a model of the Hugging Face hub has to be downloaded first (hf download NAME --local-dir DIR).`,
      cause,
    );
  });
  if (!(await stat(found)).isDirectory())
    throw new MalformedCheckpointError(
      'QL_CHECKPOINT_MISSING',
      `${directory} is a file. Give the directory that holds config.json and the safetensors shards.`,
    );
  return found;
};

/** What an adapter says of its base, for a message. */
const namedBase = async (directory: string): Promise<string> => {
  const text = await readFile(join(directory, 'adapter_config.json'), 'utf8');
  const [, name] = /"base_model_name_or_path"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text) ?? [];
  return name === undefined ? '' : `: it names ${name}`;
};

const readConfig = async (directory: string, names: readonly string[]): Promise<Pick<Checkpoint, 'configText' | 'config'>> => {
  if (!names.includes('config.json'))
    throw names.includes('adapter_config.json')
      ? new MalformedCheckpointError(
          'QL_CHECKPOINT_ADAPTER',
          `${directory} is a PEFT adapter (adapter_config.json), not a model. Give the full-precision model that it was made for${await namedBase(directory)}.`,
        )
      : new MalformedCheckpointError(
          'QL_CONFIG_MISSING',
          `${directory} holds no config.json. Give a Hugging Face checkpoint directory: config.json, tokenizer.json and safetensors weights.`,
        );
  const configText = await readFile(join(directory, 'config.json'), 'utf8');
  let config: unknown;
  try {
    config = JSON.parse(configText);
  } catch (cause) {
    throw new MalformedCheckpointError('QL_CONFIG_JSON', `config.json is not valid JSON (${String(cause)}). Fetch it again.`, cause);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new MalformedCheckpointError('QL_CONFIG_JSON', 'config.json does not hold a JSON object. Fetch it again.');
  return { configText, config: config as Record<string, unknown> };
};

/** Says why a directory without usable weights is refused. */
const noWeights = (directory: string, names: readonly string[]): MalformedCheckpointError => {
  const safetensors = names.filter((name) => name.endsWith('.safetensors'));
  if (safetensors.length)
    return new MalformedCheckpointError(
      'QL_INDEX_MISSING',
      `${directory} holds ${listed(safetensors)}, but neither ${SINGLE_SHARD_NAME} nor ${SHARD_INDEX_NAME}. Fetch the index, or name a single file ${SINGLE_SHARD_NAME}.`,
    );
  const pickled = names.filter((name) => name.endsWith('.bin') || name.endsWith('.pt') || name.endsWith('.pth'));
  if (pickled.length)
    return new MalformedCheckpointError(
      'QL_CHECKPOINT_PICKLED',
      `${directory} holds pickled weights only (${listed(pickled)}). Convert them once in Python: AutoModelForCausalLM.from_pretrained(DIR, dtype="auto").save_pretrained(NEW_DIR).`,
    );
  return new MalformedCheckpointError(
    'QL_CHECKPOINT_WEIGHTS',
    `${directory} holds no safetensors weights (${SINGLE_SHARD_NAME}, or shards with ${SHARD_INDEX_NAME}); it holds ${listed(names)}.`,
  );
};

const resolveShard = async (directory: string, shard: string, index: ShardIndex | undefined): Promise<string> =>
  realpath(join(directory, shard)).catch((cause: unknown) => {
    const claimed = index ? [...index].filter(([, file]) => file === shard).map(([tensor]) => tensor) : [];
    throw new MalformedCheckpointError(
      'QL_SHARD_MISSING',
      `${shard} is missing (or a link to a file that is), but the index says that it holds ${listed(claimed, 2)}. Fetch this shard.`,
      cause,
    );
  });

const checkIndex = (index: ShardIndex, shardOf: ReadonlyMap<string, string>): void => {
  for (const [tensor, shard] of index) {
    const actual = shardOf.get(tensor);
    if (actual !== shard)
      throw new MalformedCheckpointError(
        'QL_INDEX_TENSOR',
        `${SHARD_INDEX_NAME} says that "${tensor}" is in ${shard}, but ${actual ? `it is in ${actual}` : 'no shard holds it'}. Index and shards belong to different versions: fetch both again.`,
      );
  }
};

/**
 * Opens a Hugging Face checkpoint directory: reads config.json, the index and every shard's header, checks that they
 * agree, and says where each tensor lies. No weight is read.
 *
 * Where both model.safetensors and an index are there, the single file is taken, as transformers does. Tensors that a
 * shard holds beyond the index are listed too. Links are resolved (the Hugging Face cache is made of them).
 *
 * @param directory path as the user gave it
 * @throws MalformedCheckpointError QL_CHECKPOINT_MISSING, QL_CHECKPOINT_ADAPTER, QL_CONFIG_MISSING, QL_CONFIG_JSON,
 *   QL_CHECKPOINT_PICKLED, QL_CHECKPOINT_WEIGHTS, QL_INDEX_MISSING, QL_INDEX, QL_INDEX_TENSOR, QL_SHARD_MISSING,
 *   QL_TENSOR_TWICE, or those of `parseSafetensorsHeader`; retrying does not help
 * @throws CheckpointReadError QL_SHARD_READ when the system refuses to read a shard; a retry may help
 */
export const openCheckpoint = async (directory: string): Promise<Checkpoint> => {
  const real = await resolveDirectory(resolve(directory));
  const names = (await readdir(real)).sort();
  const { configText, config } = await readConfig(real, names);
  const single = names.includes(SINGLE_SHARD_NAME);
  if (!single && !names.includes(SHARD_INDEX_NAME)) throw noWeights(real, names);
  const index = single ? undefined : parseShardIndex(await readFile(join(real, SHARD_INDEX_NAME), 'utf8'));
  const shards = index ? [...new Set(index.values())].sort() : [SINGLE_SHARD_NAME];
  const tensors = new Map<string, TensorLocation>();
  const shardOf = new Map<string, string>();
  for (const shard of shards) {
    const file = await resolveShard(real, shard, index);
    for (const tensor of await readSafetensorsHeader(file, shard)) {
      const other = shardOf.get(tensor.name);
      if (other !== undefined)
        throw new MalformedCheckpointError(
          'QL_TENSOR_TWICE',
          `"${tensor.name}" is in ${other} and in ${shard}. Remove the shard that does not belong here, or fetch all of them again.`,
        );
      shardOf.set(tensor.name, shard);
      tensors.set(tensor.name, { ...tensor, file });
    }
  }
  if (index) checkIndex(index, shardOf);
  return { directory: real, configText, config, shards, tensors };
};
