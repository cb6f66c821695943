import { TokenizerError } from './errors.js';

/** Says what to do about a checkpoint without tokenizer.json. */
export const missingTokenizer = (directory: string, names: readonly string[]): TokenizerError => {
  const slow = ['tokenizer.model', 'tekken.json', 'vocab.json', 'spiece.model'].find((name) => names.includes(name));
  return new TokenizerError(
    'QL_TOKENIZER_MISSING',
    slow
      ? `${directory} holds ${slow}, but no tokenizer.json. Convert it once in Python: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR).`
      : `${directory} holds no tokenizer.json. Copy it from the model's original directory.`,
  );
};
