import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import { memberText, withMember } from '../foundation/index.js';
import type { ModelFamily } from './contract.js';

/** A checkpoint under the names and the configuration that the causal language model itself has. */
export interface CanonicalCheckpoint {
  readonly checkpoint: Checkpoint;
  /** `text` where the checkpoint holds more than the language model: pictures and the like are left out of the view. */
  readonly part: 'whole' | 'text';
}

/** Keys of a wrapping configuration that hold for its text part where that does not say them itself. */
const INHERITED_KEYS = ['dtype', 'torch_dtype', 'tie_word_embeddings', 'quantization_config'];

const TEXT_PART = 'language_model.';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const renameTensors = (checkpoint: Checkpoint, rename: (name: string) => string | undefined): Checkpoint => {
  const tensors = new Map<string, TensorLocation>();
  for (const location of checkpoint.tensors.values()) {
    const name = rename(location.name);
    if (name !== undefined) tensors.set(name, { ...location, name });
  }
  return { ...checkpoint, tensors };
};

const textConfig = ({ configText, config }: Checkpoint): Pick<Checkpoint, 'configText' | 'config'> => {
  let text = memberText(configText, 'text_config')!;
  const own = config['text_config'] as Readonly<Record<string, unknown>>;
  for (const key of INHERITED_KEYS) {
    const value = own[key] === undefined ? memberText(configText, key) : undefined;
    if (value !== undefined) text = withMember(text, key, value);
  }
  return { configText: `${text}\n`, config: JSON.parse(text) as Record<string, unknown> };
};

/** `language_model.model.layers.0` and `model.language_model.layers.0` are both `model.layers.0` of the text part. */
const textName = (name: string): string | undefined => {
  if (name.startsWith(TEXT_PART)) return name.slice(TEXT_PART.length);
  if (name.startsWith(`model.${TEXT_PART}`)) return `model.${name.slice(`model.${TEXT_PART}`.length)}`;
  return name.startsWith('lm_head.') ? name : undefined;
};

const unwrap = (checkpoint: Checkpoint, families: readonly ModelFamily[]): CanonicalCheckpoint => {
  const { model_type: modelType, text_config: text } = checkpoint.config;
  const known = (type: unknown): boolean => families.some((family) => family.modelType === type);
  if (known(modelType) || !isObject(text) || !known(text['model_type'])) return { checkpoint, part: 'whole' };
  return { checkpoint: { ...renameTensors(checkpoint, textName), ...textConfig(checkpoint) }, part: 'text' };
};

const HEADS = ['lm_head.', 'embed_out.'];

/**
 * Views a checkpoint as its family's class in transformers names things.
 *
 * The text part of a wrapped configuration (`text_config`) is taken out, and names without the family's first part, as
 * old files have them (`h.0.mlp…` for `transformer.h.0.mlp…`), get it. No byte of a tensor moves.
 */
export const canonicalCheckpoint = (checkpoint: Checkpoint, families: readonly ModelFamily[]): CanonicalCheckpoint => {
  const opened = unwrap(checkpoint, families);
  const family = families.find(({ modelType }) => modelType === opened.checkpoint.config['model_type']);
  const names = [...opened.checkpoint.tensors.keys()];
  if (!family || names.some((name) => name.startsWith(`${family.namePrefix}.`))) return opened;
  const isHead = (name: string): boolean => HEADS.some((head) => name.startsWith(head));
  const rename = (name: string): string => (isHead(name) ? name : `${family.namePrefix}.${name}`);
  return { ...opened, checkpoint: renameTensors(opened.checkpoint, rename) };
};
