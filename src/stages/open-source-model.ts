import { stat } from 'node:fs/promises';
import { MalformedCheckpointError, openCheckpoint, openHubCheckpoint, requireTensor, type Checkpoint } from '../checkpoint/index.js';
import { loadTokenizer, type Tokenizer, type Window } from '../corpus/index.js';
import { isFloatDType, QuailoraError } from '../foundation/index.js';
import { HubError, openHubRepository, type HubFetchOptions, type HubRepository } from '../hub/index.js';
import {
  canonicalCheckpoint,
  MalformedConfigError,
  openModel,
  UnsupportedModelError,
  type CausalModel,
  type LinearLayer,
} from '../models/index.js';
import type { HubAccess, ModelChoice } from './jobs.js';
import type { WeightShard } from './shard.js';

/** A checkpoint with its model and its tokenizer. */
export interface SourceModel {
  /** Under the names that the model has in transformers. */
  readonly checkpoint: Checkpoint;
  /** `text` where the checkpoint on disk holds more than the language model. */
  readonly part: 'whole' | 'text';
  readonly model: CausalModel;
  readonly tokenizer: Tokenizer;
}

/** How a model is opened. */
export interface SourceOptions extends Omit<ModelChoice, 'model'>, HubFetchOptions {
  /** Opens the Hub repository at this commit, also where a directory of its name exists. */
  readonly commit?: string | undefined;
}

/** The shape of a repository's id; the Hub's own rules are narrower. */
const HUB_ID = /^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)?$/;

/** Failures that a misspelt path leads to as well. */
const NOT_FOUND: readonly string[] = ['QL_HUB_REPOSITORY', 'QL_HUB_SETTING', 'QL_HUB_NETWORK', 'QL_HUB_OFFLINE'];

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
      throw error;
    },
  );

const refuseHubOptions = (model: string, { revision, prefetch, discardShards }: SourceOptions): void => {
  const given = [revision !== undefined && '--revision', prefetch && '--prefetch', discardShards && '--discard-shards'].filter(Boolean);
  if (given.length > 0)
    throw new QuailoraError(
      'QL_HUB_OPTION',
      `${given.join(', ')}: these are for models of the Hugging Face Hub, but ${model} is on the disk. Leave them out, or call quailora from a directory without ${model}.`,
    );
};

const requireHub = (model: string, { hub }: SourceOptions): HubAccess => {
  if (!hub)
    throw new MalformedCheckpointError(
      'QL_CHECKPOINT_MISSING',
      `${model}: there is no such directory. To take it as the id of a Hugging Face repository, the job needs \`hub\` (see readHubSettings).`,
    );
  return hub();
};

const openRepository = async (model: string, hub: HubAccess, options: SourceOptions): Promise<HubRepository> => {
  const { signal, commit, revision } = options;
  try {
    return await openHubRepository({ kind: 'model', name: model, revision: commit ?? revision }, hub, { signal, patience: hub.patience });
  } catch (error) {
    if (!(error instanceof HubError && NOT_FOUND.includes(error.code)) || commit !== undefined) throw error;
    const { code, message, retryable, retryAfterMs } = error;
    throw new HubError(code, `${message} (There is no directory ${model} here, so it was taken as the id of a Hugging Face repository.)`, {
      retryable,
      retryAfterMs,
      cause: error,
    });
  }
};

/** Opens a checkpoint directory, or the Hub repository of that id. */
const openModelCheckpoint = async (model: string, options: SourceOptions): Promise<Checkpoint> => {
  const { commit, discardShards: discard = false, signal, onTransfer } = options;
  if (commit === undefined && (await exists(model))) {
    refuseHubOptions(model, options);
    return openCheckpoint(model);
  }
  // What can't be an id is refused as the directory that it names.
  if (!HUB_ID.test(model)) return openCheckpoint(model);
  const hub = requireHub(model, options);
  const repository = await openRepository(model, hub, options);
  return openHubCheckpoint(repository, { discard, signal, onTransfer, offline: hub.offline });
};

/** Opens the model; a tensor that a quantized checkpoint stores in other ways is no missing shard. */
const openFamily = (checkpoint: Checkpoint): CausalModel => {
  try {
    return openModel(checkpoint);
  } catch (error) {
    if (error instanceof MalformedConfigError) requireFullPrecision(checkpoint);
    throw error;
  }
};

/**
 * Opens a model: headers, configuration and tokenizer, no weight.
 *
 * @param model checkpoint directory, or id of a Hub repository; a directory that exists wins
 * @throws QuailoraError QL_HUB_OPTION for options of the Hub with a directory
 * @throws the errors of the checkpoint, the Hub, the model and the tokenizer
 */
export const openSourceModel = async (model: string, options: SourceOptions = {}): Promise<SourceModel> => {
  const opened = await openModelCheckpoint(model, options);
  try {
    const { checkpoint, part } = canonicalCheckpoint(opened);
    return { checkpoint, part, model: openFamily(checkpoint), tokenizer: await loadTokenizer(checkpoint.directory) };
  } catch (error) {
    await opened.supply?.close();
    throw error;
  }
};

/**
 * Refuses a checkpoint that is quantized already: its weights are gone.
 *
 * @throws UnsupportedModelError QL_MODEL_UNSUPPORTED; retrying does not help
 */
export const requireFullPrecision = ({ config, directory }: Checkpoint): void => {
  const settings = config['quantization_config'];
  if (typeof settings !== 'object' || settings === null) return;
  const method: unknown = 'quant_method' in settings ? settings.quant_method : undefined;
  const kind = method === 'bitsandbytes' ? 'by bitsandbytes' : `by ${typeof method === 'string' ? method : 'an unnamed method'}`;
  const also = method === 'bitsandbytes' ? ' (`quailora evaluate` runs this one as it is.)' : '';
  throw new UnsupportedModelError(
    `${directory} is quantized already, ${kind}: its config.json has a quantization_config, and what quantization lost is not in these files. Give the full-precision checkpoint that it was made from.${also}`,
  );
};

const OTHER_TOKENIZER =
  "They do not belong together: copy tokenizer.json, tokenizer_config.json and special_tokens_map.json from the model's own directory.";

/** A model's embeddings may be padded beyond its tokenizer, by a few hundred in practice, but not to twice its size. */
const MOST_PADDED = 2;

/**
 * Checks that every token of some windows has an embedding, that the tokenizer is about as large as the embeddings, and
 * that no window is longer than the model's positions.
 *
 * @throws QuailoraError QL_TOKENIZER_MODEL or QL_WINDOW_LENGTH; retrying does not help
 */
export const checkWindows = ({ model, tokenizer }: SourceModel, windows: readonly Window[]): void => {
  if (tokenizer.vocabularySize * MOST_PADDED < model.vocabularySize)
    throw new QuailoraError(
      'QL_TOKENIZER_MODEL',
      `The tokenizer has ${tokenizer.vocabularySize} tokens, but the model has ${model.vocabularySize} embeddings. ${OTHER_TOKENIZER}`,
    );
  for (const window of windows) {
    if (window.length > model.maxPositions)
      throw new QuailoraError(
        'QL_WINDOW_LENGTH',
        `A window has ${window.length} tokens, but the model was made for ${model.maxPositions}. Use --window, or for records of pairs --source-tokens and --target-tokens.`,
      );
    for (const id of window)
      if (id < 0 || id >= model.vocabularySize)
        throw new QuailoraError(
          'QL_TOKENIZER_MODEL',
          `The tokenizer gives token ${id}, but the model has ${model.vocabularySize} embeddings. ${OTHER_TOKENIZER}`,
        );
  }
};

/** Describes one weight of a full-precision checkpoint as a shard to work on. */
export const weightShard = (checkpoint: Checkpoint, block: number, layer: LinearLayer): WeightShard => {
  const location = requireTensor(checkpoint, `${layer.module}.weight`, [layer.outFeatures, layer.inFeatures]);
  if (!isFloatDType(location.dtype))
    throw new UnsupportedModelError(`"${location.name}" is stored as ${location.dtype}; BF16, F16 and F32 are supported.`);
  return { block, layer, location, dtype: location.dtype };
};
