import { openCheckpoint, requireTensor, type Checkpoint } from '../checkpoint/index.js';
import { loadTokenizer, type Tokenizer, type Window } from '../corpus/index.js';
import { isFloatDType, QuailoraError } from '../foundation/index.js';
import { canonicalCheckpoint, openModel, UnsupportedModelError, type CausalModel, type LinearLayer } from '../models/index.js';
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

/** Opens a checkpoint directory: headers, configuration and tokenizer, no weight. */
export const openSourceModel = async (directory: string): Promise<SourceModel> => {
  const { checkpoint, part } = canonicalCheckpoint(await openCheckpoint(directory));
  return { checkpoint, part, model: openModel(checkpoint), tokenizer: await loadTokenizer(checkpoint.directory) };
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

/** Part of the embeddings that a tokenizer must at least fill; published models pad theirs by 1 % at most. */
const LEAST_FILLED = 0.8;

const checkTokenizer = ({ model, tokenizer }: SourceModel): void => {
  if (tokenizer.vocabularySize < LEAST_FILLED * model.vocabularySize)
    throw new QuailoraError(
      'QL_TOKENIZER_MODEL',
      `The tokenizer knows ${tokenizer.vocabularySize} tokens, but the model has ${model.vocabularySize} embeddings. Tokenizer and model do not belong together: fetch tokenizer.json of this model.`,
    );
};

/**
 * Checks that the tokenizer fits the model, every token of some windows has an embedding, and no window is longer than the model's positions.
 *
 * @throws QuailoraError QL_TOKENIZER_MODEL or QL_WINDOW_LENGTH; retrying does not help
 */
export const checkWindows = (source: SourceModel, windows: readonly Window[]): void => {
  const { model } = source;
  checkTokenizer(source);
  for (const window of windows) {
    if (window.length > model.maxPositions)
      throw new QuailoraError(
        'QL_WINDOW_LENGTH',
        `A window has ${window.length} tokens, but the model was made for ${model.maxPositions}. Use --window.`,
      );
    for (const id of window)
      if (id < 0 || id >= model.vocabularySize)
        throw new QuailoraError(
          'QL_TOKENIZER_MODEL',
          `The tokenizer gives token ${id}, but the model has ${model.vocabularySize} embeddings. Tokenizer and model do not belong together: fetch tokenizer.json of this model.`,
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
