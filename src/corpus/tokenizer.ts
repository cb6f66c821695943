import { readdir } from 'node:fs/promises';
import {
  completeAddedTokens,
  createEncoder,
  isTokenId,
  loadAsTransformers,
  readVocabulary,
  tokenContent,
  type Encoder,
} from './encoding/index.js';
import { TokenizerError } from './errors.js';
import { missingTokenizer } from './missing-tokenizer.js';
import { readChatTemplate } from './read-chat-template.js';
import { isJson, readJsonObject, type Json } from './read-json-object.js';

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

type Role = 'bos' | 'eos';

/** The id of a special token: named by the tokenizer's own files or its class, else numbered by config.json (its first, of several). */
const specialTokenId = (role: Role, encoder: Encoder, settings: Json, fallback: string | undefined, config: Json): number | undefined => {
  const key = `${role}_token`;
  if (key in settings) {
    const content = tokenContent(settings[key]);
    if (content === undefined) return undefined;
    const id = encoder.idOf(content);
    if (id !== undefined) return id;
    throw new TokenizerError(
      'QL_TOKENIZER_JSON',
      `The tokenizer's ${key} is "${content}", which is not in its vocabulary. Fetch tokenizer.json and tokenizer_config.json again.`,
    );
  }
  const id = fallback === undefined ? undefined : encoder.idOf(fallback);
  if (id !== undefined) return id;
  const numbered: unknown = config[`${key}_id`];
  const first: unknown = Array.isArray(numbered) ? numbered[0] : numbered;
  // Some files say -1 where they mean none.
  return isTokenId(first) ? first : undefined;
};

/**
 * Loads the tokenizer of a checkpoint directory: tokenizer.json, tokenizer_config.json, its chat template and, for
 * special tokens, special_tokens_map.json and config.json.
 *
 * @throws TokenizerError QL_TOKENIZER_MISSING, QL_TOKENIZER_JSON or QL_TOKENIZER_UNSUPPORTED; retrying does not help
 *
 * `encode` throws TokenizerError QL_TOKENIZER_UNKNOWN for text that the vocabulary can't express. It blocks the event
 * loop meanwhile.
 */
export const loadTokenizer = async (directory: string): Promise<Tokenizer> => {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new TokenizerError('QL_TOKENIZER_MISSING', `${directory}: there is no such directory (${String(cause)}).`, cause);
  });
  if (!names.includes('tokenizer.json')) throw missingTokenizer(directory, names);
  const read = (name: string): Promise<Json> => readJsonObject(directory, name, names);
  const own = await read('tokenizer_config.json');
  // transformers reads special_tokens_map.json only where tokenizer_config.json does not list the added tokens.
  const settings = isJson(own.added_tokens_decoder) ? own : { ...own, ...(await read('special_tokens_map.json')) };
  const config = await read('config.json');
  const { definition, defaultTokens, rebuilt } = loadAsTransformers(await read('tokenizer.json'), settings, config);
  const vocabulary = readVocabulary(isJson(definition.model) ? definition.model : {});
  const added = completeAddedTokens({ definition, settings, vocabulary, defaultTokens, rebuilt });
  const encoder = createEncoder(definition, added, settings.split_special_tokens === true);
  const eosTokenId = specialTokenId('eos', encoder, settings, defaultTokens.eos_token, config);
  const bosTokenId = specialTokenId('bos', encoder, settings, defaultTokens.bos_token, config);
  return {
    encode: (text) => encoder.encode(text, true),
    encodeOrdinary: (text) => encoder.encode(text, false),
    tokenText: (id) => encoder.tokenOf(id),
    eosTokenId,
    bosTokenId,
    eosToken: eosTokenId === undefined ? undefined : encoder.tokenOf(eosTokenId),
    bosToken: bosTokenId === undefined ? undefined : encoder.tokenOf(bosTokenId),
    chatTemplate: await readChatTemplate(directory, names, settings),
    vocabularySize: encoder.size,
  };
};
