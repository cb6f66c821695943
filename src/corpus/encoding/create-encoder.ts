import { TokenizerError } from '../errors.js';
import { isJson, type Json } from '../read-json-object.js';
import { createTokenSearch, type AddedToken, type Stretch } from './added-tokens.js';
import { createBpe } from './bpe.js';
import { cacheEncoded } from './cache-encoded.js';
import { guardEncoding } from './guard-encoding.js';
import { isTokenId, type Model, type Vocabulary } from './model.js';
import { createNormalizer, keepsBeginning } from './normalizer.js';
import { createPostProcessor } from './post-processor.js';
import { createPreTokenizer } from './pre-tokenizer.js';
import { createUnigram } from './unigram.js';
import { createWordPiece } from './word-piece.js';

/** What a tokenizer.json says, put to work. */
export interface Encoder {
  /** Ids of a text, with or without the post-processor's special tokens. */
  encode(text: string, withSpecialTokens: boolean): number[];
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /** One more than the largest id. */
  readonly size: number;
}

/**
 * Reads the vocabulary of a model: an object of ids, or a list of pieces with scores.
 *
 * @throws TokenizerError QL_TOKENIZER_JSON where there is none, or an id is none; retrying does not help
 */
export const readVocabulary = ({ vocab }: Json): Map<string, number> => {
  const refuse = (token: string, id: unknown): never => {
    throw new TokenizerError(
      'QL_TOKENIZER_JSON',
      `tokenizer.json numbers the token ${token} as ${JSON.stringify(id)}, which is no id. Fetch it again.`,
    );
  };
  const pieceOf = (entry: unknown, id: number): string => {
    const piece: unknown = Array.isArray(entry) ? entry[0] : entry;
    return typeof piece === 'string' ? piece : refuse(JSON.stringify(piece), id);
  };
  if (Array.isArray(vocab)) return new Map(vocab.map((entry: unknown, id) => [pieceOf(entry, id), id]));
  if (isJson(vocab)) return new Map(Object.entries(vocab).map(([token, id]) => [token, isTokenId(id) ? id : refuse(`"${token}"`, id)]));
  throw new TokenizerError('QL_TOKENIZER_JSON', 'tokenizer.json has no vocabulary. It may be damaged: fetch it again.');
};

/** The kind of a model; old files leave it to its fields. */
const kindOf = ({ type, vocab, merges, max_input_chars_per_word: longest }: Json): unknown => {
  if (typeof type === 'string') return type;
  if (Array.isArray(vocab)) return 'Unigram';
  return merges !== undefined ? 'BPE' : longest !== undefined ? 'WordPiece' : undefined;
};

const createModel = (definition: Json, vocabulary: Vocabulary): Model => {
  const kind = kindOf(definition);
  if (definition.dropout)
    throw new TokenizerError('QL_TOKENIZER_UNSUPPORTED', 'tokenizer.json has BPE dropout: ids would be random. Set "dropout" to null.');
  if (kind === 'BPE') return createBpe(definition, vocabulary);
  if (kind === 'Unigram') return createUnigram(definition, vocabulary);
  if (kind === 'WordPiece') return createWordPiece(definition, vocabulary);
  throw new TokenizerError(
    'QL_TOKENIZER_UNSUPPORTED',
    `tokenizer.json has a model of type ${JSON.stringify(kind)}; BPE, Unigram and WordPiece are supported.`,
  );
};

/** Tells whether a pre-tokenizer treats the first piece of a text differently. */
const looksAtFirst = (definition: unknown): boolean =>
  isJson(definition) &&
  (definition.prepend_scheme === 'first' || (Array.isArray(definition.pretokenizers) && definition.pretokenizers.some(looksAtFirst)));

/**
 * Builds the encoder that a tokenizer.json describes: added tokens, normalizer, pre-tokenizer, model, post-processor.
 *
 * @param added its added tokens, as transformers completes them
 * @param keepsSpecial leaves special tokens in the text to the model (`split_special_tokens`)
 * @throws TokenizerError QL_TOKENIZER_UNSUPPORTED or QL_TOKENIZER_JSON; retrying does not help. `encode` throws
 * QL_TOKENIZER_UNKNOWN for text that the vocabulary can't express, and as `guardEncoding`.
 */
export const createEncoder = (definition: Json, added: readonly AddedToken[], keepsSpecial: boolean): Encoder => {
  const model = isJson(definition.model) ? definition.model : {};
  const vocabulary = readVocabulary(model);
  if (looksAtFirst(definition.pre_tokenizer) && !keepsBeginning(definition.normalizer))
    throw new TokenizerError(
      'QL_TOKENIZER_UNSUPPORTED',
      "tokenizer.json prepends a space to the first piece only, after a normalizer that may remove the beginning of a text. This can't be reproduced exactly. Use a checkpoint whose tokenizer does without.",
    );
  const normalize = createNormalizer(definition.normalizer);
  const { cut, spell } = createPreTokenizer(definition.pre_tokenizer);
  const { encode, divide } = createModel(model, vocabulary);
  const finish = createPostProcessor(definition.post_processor);
  const sought = keepsSpecial ? added.filter(({ special }) => !special) : added;
  const findPlain = createTokenSearch(
    sought.filter(({ normalized }) => !normalized),
    (content) => content,
  );
  const normalizedTokens = sought.filter(({ normalized }) => normalized);
  const characters = normalizedTokens.reduce((sum, { content }) => sum + content.length, 0);
  const findNormalized = guardEncoding(characters, () => createTokenSearch(normalizedTokens, normalize));

  const encodePiece = cacheEncoded(spell ? (piece) => encode(spell(piece)) : encode);
  const encodeText = spell || !divide ? encodePiece : (text: string) => divide(text).flatMap(encodePiece);
  const addIds = (ids: number[], stretches: readonly Stretch[], addText: (text: string, first: boolean) => void): void => {
    for (const stretch of stretches) {
      if ('id' in stretch) ids.push(stretch.id);
      else addText(stretch.text, stretch.first);
    }
  };
  const tokens: string[] = [];
  for (const [token, id] of vocabulary) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  const addedIds = new Map(added.map(({ id, content }) => [content, id]));

  return {
    encode: (text, withSpecialTokens) =>
      guardEncoding(text.length, () => {
        const result: number[] = [];
        addIds(result, findPlain(text, true), (part, first) => {
          addIds(result, findNormalized(normalize(part), first), (normal, stillFirst) => {
            for (const piece of cut([{ text: normal, first: stillFirst }])) for (const id of encodeText(piece.text)) result.push(id);
          });
        });
        return withSpecialTokens ? finish(result) : result;
      }),
    idOf: (token) => addedIds.get(token) ?? vocabulary.get(token),
    tokenOf: (id) => tokens[id],
    size: tokens.length,
  };
};
