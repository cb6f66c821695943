import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, readTensor, writeSafetensors } from '../../src/checkpoint/index.js';
import { random, type RawTensor } from '../../src/foundation/index.js';
import type { InitializeJob, TokenBudget } from '../../src/stages/index.js';
import { fixtureDirectory } from '../models/golden-run.js';

/** Byte-level BPE without merges over the printable ASCII characters and the space: 96 tokens, as the fixtures have. */
const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [{ id: 0, content: '<|end|>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: Object.fromEntries(
      ['<|end|>', ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)), 'Ġ'].map((token, id) => [token, id]),
    ),
    merges: [],
  },
};

/** Copies a fixture into a directory and gives it a tokenizer. */
export const makeTinyModel = async (directory: string, fixture = 'llama-grouped-tied'): Promise<string> => {
  const source = fixtureDirectory(fixture);
  await cp(source, directory, { recursive: true, filter: (file) => !/golden|config-4x/.test(file) });
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|end|>' }));
  return directory;
};

/**
 * Makes a model a part of a larger one, as vision-language checkpoints are laid out: configuration in `text_config`, names
 * below `language_model.`, and a tensor of the other part.
 */
export const wrapModel = async (directory: string): Promise<void> => {
  const { config } = await openCheckpoint(directory);
  const vision: RawTensor = { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) };
  await renameTensors(directory, (name) => `language_model.${name}`, { 'vision_tower.weight': vision });
  const { dtype, ...text } = config;
  await writeFile(join(directory, 'config.json'), JSON.stringify({ model_type: 'llava', dtype, text_config: text, vision_config: {} }));
};

/** Rewrites a model's tensors in one file, under other names and with others beside them. */
export const renameTensors = async (
  directory: string,
  rename: (name: string) => string,
  others: Readonly<Record<string, RawTensor>> = {},
): Promise<void> => {
  const renamed: Record<string, RawTensor> = { ...others };
  for (const [name, location] of (await openCheckpoint(directory)).tensors)
    renamed[rename(name)] = { dtype: location.dtype, shape: location.shape, bytes: await readTensor(location) };
  for (const name of await readdir(directory)) if (name.startsWith('model')) await rm(join(directory, name));
  await writeSafetensors(join(directory, 'model.safetensors'), renamed);
};

/** Words of random letters, one token a character. */
const randomText = (characters: number, seed: number): string => {
  const stream = random(seed);
  return Array.from({ length: characters }, () => (stream.below(6) === 0 ? ' ' : String.fromCharCode(97 + stream.below(26)))).join('');
};

/** A directory with a model, a text and room for outputs. */
export interface TinyWorkplace {
  readonly model: string;
  readonly text: string;
  readonly output: (name: string) => string;
}

/** Sets a workplace up in an empty directory. @param characters of the text, each a token */
export const makeTinyWorkplace = async (directory: string, fixture?: string, characters = 4000): Promise<TinyWorkplace> => {
  const text = join(directory, 'text.txt');
  await writeFile(text, randomText(characters, 11));
  return { model: await makeTinyModel(join(directory, 'model'), fixture), text, output: (name) => join(directory, name) };
};

/** A job on a workplace: NF4, rank 4, exact, 640 + 160 tokens in windows of 32. */
export const tinyJob = <Budget extends InitializeJob['budget'] = TokenBudget>(
  { model, text, output }: TinyWorkplace,
  name: string,
  changes: Partial<InitializeJob & { readonly budget: Budget }> = {},
): InitializeJob & { readonly budget: Budget | TokenBudget } => ({
  ...{
    model,
    calibration: text,
    output: output(name),
    budget: { kind: 'tokens', tokens: 640 },
    windowTokens: 32,
    heldOutFraction: 0.25,
    seed: 0,
  },
  ...{ bits: 4, rank: 4, alpha: 16, rslora: false, alsSteps: 20, loftqSteps: 5, balance: true, modules: 'all-linear' },
  ...{ initializer: 'exact', writeBase: true, baseName: 'tiny', fresh: false, workers: 1 },
  ...changes,
});
