import { readdir } from 'node:fs/promises';
import { ByteLevelPreTokenizer, SequencePreTokenizer, Tokenizer as TokenizersJs, type PreTokenizer } from '@huggingface/tokenizers';
import { readChatTemplate } from './read-chat-template.js';
import { TokenizerError } from './errors.js';
import { readJsonObject, type Json } from './read-json-object.js';
import { refuseUnsupported } from './refuse-unsupported.js';
import { splitBeforeSpaces } from './split-before-spaces.js';

/** Turns text into token ids. */
export interface Tokenizer {
  /** The ids that `tokenizer(text)["input_ids"]` gives in transformers, with the special tokens of its post-processor. */
  encode(text: string): number[];
  /** The ids without the post-processor's (`add_special_tokens=False`). Special tokens written in the text stay special. */
  encodeOrdinary(text: string): number[];
  /** The token of an id as the vocabulary spells it (bytes and spaces in its own code); undefined for an id it lacks. */
  tokenText(id: number): string | undefined;
  /** Token that ends a text; undefined where the checkpoint names none. */
  readonly eosTokenId: number | undefined;
  /** Token that begins a text; undefined where the checkpoint names none. */
  readonly bosTokenId: number | undefined;
  /** The text of `eosTokenId`, which encodes to it: what recipes that join strings append. */
  readonly eosToken: string | undefined;
  /** The text of `bosTokenId`, which encodes to it: what recipes that join strings begin with. */
  readonly bosToken: string | undefined;
  /** The Jinja template that turns messages into text; undefined where the checkpoint has none. */
  readonly chatTemplate: string | undefined;
  /** One more than the largest id. */
  readonly vocabularySize: number;
}

/**
 * GPT-2's pattern with Oniguruma's meaning of \s, that Python's tokenizers go by; JavaScript's \s takes in U+FEFF and
 * leaves out U+0085.
 */
const BYTE_LEVEL_PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const setByteLevelPattern = (preTokenizer: PreTokenizer | null): void => {
  if (preTokenizer instanceof ByteLevelPreTokenizer) preTokenizer.pattern = BYTE_LEVEL_PATTERN;
  else if (preTokenizer instanceof SequencePreTokenizer) preTokenizer.tokenizers.forEach(setByteLevelPattern);
};

const missing = (directory: string, names: readonly string[]): TokenizerError => {
  const slow = ['tokenizer.model', 'tekken.json', 'vocab.json', 'spiece.model'].find((name) => names.includes(name));
  return new TokenizerError(
    'QL_TOKENIZER_MISSING',
    slow
      ? `${directory} holds ${slow}, but no tokenizer.json. Convert it once in Python: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR).`
      : `${directory} holds no tokenizer.json. Copy it from the model's original directory.`,
  );
};

/** The id of a special token: named by the tokenizer's own files, else numbered by config.json (its first, of several). */
const specialTokenId = (role: 'bos' | 'eos', tokenizer: TokenizersJs, named: readonly Json[], config: Json): number | undefined => {
  for (const file of named) {
    const value = file[`${role}_token`];
    const content = typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
    if (typeof content !== 'string') continue;
    const id = tokenizer.token_to_id(content);
    if (id !== undefined) return id;
    throw new TokenizerError(
      'QL_TOKENIZER_JSON',
      `The tokenizer's ${role}_token is "${content}", which is not in its vocabulary. Fetch tokenizer.json and tokenizer_config.json again.`,
    );
  }
  const numbered: unknown = config[`${role}_token_id`];
  const id: unknown = Array.isArray(numbered) ? numbered[0] : numbered;
  return typeof id === 'number' && Number.isInteger(id) ? id : undefined;
};

const isComplete = (ids: (number | undefined)[]): ids is number[] => ids.every((id) => id !== undefined);

/** One more than the largest id of the vocabulary. */
const sizeOf = (tokenizer: TokenizersJs): number => {
  let largest = -1;
  for (const id of tokenizer.get_vocab().values()) largest = Math.max(largest, id);
  return largest + 1;
};

/**
 * Loads the tokenizer of a checkpoint directory: tokenizer.json, tokenizer_config.json, its chat template and, for
 * the special tokens, special_tokens_map.json and config.json.
 *
 * @throws TokenizerError QL_TOKENIZER_MISSING, QL_TOKENIZER_JSON or QL_TOKENIZER_UNSUPPORTED; retrying does not help
 *
 * `encode` throws TokenizerError QL_TOKENIZER_UNKNOWN for text that the vocabulary can't express. It runs at about
 * 200,000 tokens a second and blocks the event loop meanwhile.
 */
export const loadTokenizer = async (directory: string): Promise<Tokenizer> => {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new TokenizerError('QL_TOKENIZER_MISSING', `${directory}: there is no such directory (${String(cause)}).`, cause);
  });
  if (!names.includes('tokenizer.json')) throw missing(directory, names);
  const definition = await readJsonObject(directory, 'tokenizer.json', names);
  const settings = await readJsonObject(directory, 'tokenizer_config.json', names);
  const special = await readJsonObject(directory, 'special_tokens_map.json', names);
  const config = await readJsonObject(directory, 'config.json', names);
  refuseUnsupported(definition);
  let tokenizer: TokenizersJs;
  try {
    tokenizer = new TokenizersJs(splitBeforeSpaces(definition), settings);
  } catch (cause) {
    throw new TokenizerError(
      'QL_TOKENIZER_UNSUPPORTED',
      `tokenizer.json can't be used (${String(cause)}). It may be damaged, or of a kind that is not supported.`,
      cause,
    );
  }
  setByteLevelPattern(tokenizer.pre_tokenizer);
  const encode = (text: string, withSpecialTokens: boolean): number[] => {
    const { ids } = tokenizer.encode(text, { add_special_tokens: withSpecialTokens });
    if (isComplete(ids)) return ids;
    throw new TokenizerError(
      'QL_TOKENIZER_UNKNOWN',
      `The vocabulary can't express ${JSON.stringify(text.slice(0, 60))}… and lacks its own unknown token. Check that tokenizer.json belongs to this model.`,
    );
  };
  const tokenText = (id: number): string | undefined => tokenizer.id_to_token(id);
  const eosTokenId = specialTokenId('eos', tokenizer, [settings, special], config);
  const bosTokenId = specialTokenId('bos', tokenizer, [settings, special], config);
  return {
    encode: (text) => encode(text, true),
    encodeOrdinary: (text) => encode(text, false),
    tokenText,
    eosTokenId,
    bosTokenId,
    eosToken: eosTokenId === undefined ? undefined : tokenText(eosTokenId),
    bosToken: bosTokenId === undefined ? undefined : tokenText(bosTokenId),
    chatTemplate: await readChatTemplate(directory, names, settings),
    vocabularySize: sizeOf(tokenizer),
  };
};
