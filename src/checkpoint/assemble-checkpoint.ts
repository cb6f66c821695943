import { parseJson } from '../foundation/index.js';
import type { Checkpoint, TensorLocation } from './contract.js';
import { MalformedCheckpointError } from './errors.js';
import type { HeaderTensor } from './parse-safetensors-header.js';
import { parseShardIndex, SHARD_INDEX_NAME, type ShardIndex } from './parse-shard-index.js';

const SINGLE_SHARD_NAME = 'model.safetensors';

/** The files of a checkpoint, wherever they lie. */
export interface CheckpointFiles {
  /** Directory or repository, for messages. */
  readonly label: string;
  /** What to do about a missing shard. */
  readonly remedy: string;
  /** Absolute real path. */
  readonly directory: string;
  /** Names of the files beside config.json. */
  readonly names: readonly string[];
  readonly readText: (name: string) => Promise<string>;
  /**
   * Reads the headers of the shards.
   *
   * @returns one a shard, in their order, with the absolute real path that the shard has or will have; undefined where it is missing
   */
  readonly readHeaders: (shards: readonly string[]) => Promise<readonly (ShardHeader | undefined)[]>;
}

/** What a shard holds, and where it lies. */
export interface ShardHeader {
  readonly file: string;
  readonly tensors: readonly HeaderTensor[];
}

/** Names at most `limit` of the items. */
const listed = (items: readonly string[], limit = 5): string =>
  items.length <= limit ? items.join(', ') : `${items.slice(0, limit).join(', ')} and ${items.length - limit} more`;

/** What an adapter says of its base, for a message: a name to tell the user, never a path to open. */
const namedBase = async ({ readText }: CheckpointFiles): Promise<string> => {
  const text = await readText('adapter_config.json');
  try {
    const name = (parseJson(text) as Record<string, unknown> | null)?.base_model_name_or_path;
    return typeof name === 'string' ? `: it names ${JSON.stringify(name)}` : '';
  } catch (cause) {
    return ` (its own configuration can't be read: ${String(cause)})`;
  }
};

const readConfig = async (files: CheckpointFiles): Promise<Pick<Checkpoint, 'configText' | 'config'>> => {
  const { label, names, readText } = files;
  if (!names.includes('config.json'))
    throw names.includes('adapter_config.json')
      ? new MalformedCheckpointError(
          'QL_CHECKPOINT_ADAPTER',
          `${label} is a PEFT adapter (adapter_config.json), not a model. Give the full-precision model that it was made for${await namedBase(files)}.`,
        )
      : new MalformedCheckpointError(
          'QL_CONFIG_MISSING',
          `${label} holds no config.json. Give a Hugging Face checkpoint: config.json, tokenizer.json and safetensors weights.`,
        );
  const configText = await readText('config.json');
  let config: unknown;
  try {
    config = parseJson(configText);
  } catch (cause) {
    throw new MalformedCheckpointError('QL_CONFIG_JSON', `config.json is not valid JSON (${String(cause)}). Fetch it again.`, cause);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new MalformedCheckpointError('QL_CONFIG_JSON', 'config.json does not hold a JSON object. Fetch it again.');
  return { configText, config: config as Record<string, unknown> };
};

/** Says why a checkpoint without usable weights is refused. */
const noWeights = ({ label, names }: CheckpointFiles): MalformedCheckpointError => {
  const safetensors = names.filter((name) => name.endsWith('.safetensors'));
  if (safetensors.length)
    return new MalformedCheckpointError(
      'QL_INDEX_MISSING',
      `${label} holds ${listed(safetensors)}, but neither ${SINGLE_SHARD_NAME} nor ${SHARD_INDEX_NAME}. Fetch the index, or name a single file ${SINGLE_SHARD_NAME}.`,
    );
  const pickled = names.filter((name) => name.endsWith('.bin') || name.endsWith('.pt') || name.endsWith('.pth'));
  if (pickled.length)
    return new MalformedCheckpointError(
      'QL_CHECKPOINT_PICKLED',
      `${label} holds pickled weights only (${listed(pickled)}). Convert them once in Python: AutoModelForCausalLM.from_pretrained(DIR, dtype="auto").save_pretrained(NEW_DIR).`,
    );
  return new MalformedCheckpointError(
    'QL_CHECKPOINT_WEIGHTS',
    `${label} holds no safetensors weights (${SINGLE_SHARD_NAME}, or shards with ${SHARD_INDEX_NAME}); it holds ${listed(names)}.`,
  );
};

const missingShard = ({ label, remedy }: CheckpointFiles, shard: string, index: ShardIndex | undefined): MalformedCheckpointError => {
  const claimed = index ? [...index].filter(([, file]) => file === shard).map(([tensor]) => tensor) : [];
  return new MalformedCheckpointError(
    'QL_SHARD_MISSING',
    `${shard}: ${label} does not hold it, but the index says that it holds ${listed(claimed, 2)}. ${remedy}`,
  );
};

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
 * Reads config.json, the index and every shard's header, checks that they agree, and says where each tensor lies.
 *
 * Where both model.safetensors and an index are there, the single file is taken, as transformers does. Tensors that a
 * shard holds beyond the index are listed too.
 *
 * @throws MalformedCheckpointError QL_CHECKPOINT_ADAPTER, QL_CONFIG_MISSING, QL_CONFIG_JSON, QL_CHECKPOINT_PICKLED,
 *   QL_CHECKPOINT_WEIGHTS, QL_INDEX_MISSING, QL_INDEX, QL_INDEX_TENSOR, QL_SHARD_MISSING, QL_TENSOR_TWICE; else as
 *   `files`
 */
export const assembleCheckpoint = async (files: CheckpointFiles): Promise<Checkpoint> => {
  const { directory, names } = files;
  const { configText, config } = await readConfig(files);
  const single = names.includes(SINGLE_SHARD_NAME);
  if (!single && !names.includes(SHARD_INDEX_NAME)) throw noWeights(files);
  const index = single ? undefined : parseShardIndex(await files.readText(SHARD_INDEX_NAME));
  const shards = index ? [...new Set(index.values())].sort() : [SINGLE_SHARD_NAME];
  const headers = await files.readHeaders(shards);
  const tensors = new Map<string, TensorLocation>();
  const shardOf = new Map<string, string>();
  for (const [i, shard] of shards.entries()) {
    const header = headers[i];
    if (!header) throw missingShard(files, shard, index);
    for (const tensor of header.tensors) {
      const other = shardOf.get(tensor.name);
      if (other !== undefined)
        throw new MalformedCheckpointError(
          'QL_TENSOR_TWICE',
          `"${tensor.name}" is in ${other} and in ${shard}. Remove the shard that does not belong here, or fetch all of them again.`,
        );
      shardOf.set(tensor.name, shard);
      tensors.set(tensor.name, { ...tensor, file: header.file });
    }
  }
  if (index) checkIndex(index, shardOf);
  return { directory, configText, config, shards, tensors };
};
