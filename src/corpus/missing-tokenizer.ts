import { TokenizerError } from './errors.js';

/** Files that transformers makes a tokenizer.json of, all of them needed, with the packages that takes. */
const CONVERSIONS: readonly { readonly files: readonly string[]; readonly packages: string; readonly options?: string }[] = [
  // Without the option, AutoTokenizer hands the file to mistral-common, which writes no tokenizer.json.
  { files: ['tekken.json'], packages: 'transformers mistral-common', options: ', mistral_format=False' },
  { files: ['tokenizer.model'], packages: 'transformers sentencepiece protobuf' },
  { files: ['spiece.model'], packages: 'transformers sentencepiece protobuf' },
  { files: ['sentencepiece.bpe.model'], packages: 'transformers sentencepiece protobuf' },
  { files: ['vocab.json', 'merges.txt'], packages: 'transformers' },
  { files: ['vocab.txt'], packages: 'transformers' },
];

/** Says what to do about a checkpoint without tokenizer.json: which lines convert what it has. */
export const missingTokenizer = (directory: string, names: readonly string[]): TokenizerError => {
  const found = CONVERSIONS.find(({ files }) => files.every((file) => names.includes(file)));
  if (!found)
    return new TokenizerError('QL_TOKENIZER_MISSING', `${directory} holds no tokenizer.json. Copy it from the model's original directory.`);
  const { files, packages, options = '' } = found;
  const path = JSON.stringify(directory);
  return new TokenizerError(
    'QL_TOKENIZER_MISSING',
    `${directory} holds ${files.join(' and ')}, but no tokenizer.json. Convert it once: pip install ${packages}, then python -c 'from transformers import AutoTokenizer; AutoTokenizer.from_pretrained(${path}${options}).save_pretrained(${path})'`,
  );
};
