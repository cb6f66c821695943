import { openCheckpoint, requireTensor, type Checkpoint } from '../checkpoint/index.js';
import { loadTokenizer, type Tokenizer, type Window } from '../corpus/index.js';
import { isFloatDType, QuailoraError } from '../foundation/index.js';
import { openModel, UnsupportedModelError, type CausalModel, type LinearLayer } from '../models/index.js';
import type { WeightShard } from './shard.js';

/** A checkpoint with its model and its tokenizer. */
export interface SourceModel {
  readonly checkpoint: Checkpoint;
  readonly model: CausalModel;
  readonly tokenizer: Tokenizer;
}

/** Opens a checkpoint directory: headers, configuration and tokenizer, no weight. */
export const openSourceModel = async (directory: string): Promise<SourceModel> => {
  const checkpoint = await openCheckpoint(directory);
  return { checkpoint, model: openModel(checkpoint), tokenizer: await loadTokenizer(checkpoint.directory) };
};

/**
 * Refuses a checkpoint that is quantized already: its weights are gone.
 *
 * @throws UnsupportedModelError QL_MODEL_UNSUPPORTED; retrying does not help
 */
export const requireFullPrecision = ({ config, directory }: Checkpoint): void => {
  if (config['quantization_config'] !== undefined && config['quantization_config'] !== null)
    throw new UnsupportedModelError(
      `${directory} is quantized already (its config.json has a quantization_config). Give the full-precision checkpoint.`,
    );
};

/**
 * Checks that every token of some windows has an embedding, and that no window is longer than the model's positions.
 *
 * @throws QuailoraError QL_TOKENIZER_MODEL or QL_WINDOW_LENGTH; retrying does not help
 */
export const checkWindows = ({ model }: SourceModel, windows: readonly Window[]): void => {
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
          `The tokenizer gives token ${id}, but the model has ${model.vocabularySize} embeddings. Tokenizer and model do not belong together.`,
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
