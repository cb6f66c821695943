import { isJson, type Json } from '../read-json-object.js';
import type { AddedToken } from './added-tokens.js';
import type { Vocabulary } from './model.js';

type UnnumberedToken = Omit<AddedToken, 'id'>;

/** The text of a special token, written as a string or as an object; undefined where there is none. */
export const tokenContent = (value: unknown): string | undefined => {
  const content = isJson(value) ? value.content : value;
  return typeof content === 'string' ? content : undefined;
};

const readToken = (value: unknown, special: boolean): UnnumberedToken | undefined => {
  const content = tokenContent(value);
  if (!content) return undefined;
  const flags: Json = isJson(value) ? value : {};
  const isSpecial = typeof flags.special === 'boolean' ? flags.special : special;
  return {
    content,
    single_word: flags.single_word === true,
    lstrip: flags.lstrip === true,
    rstrip: flags.rstrip === true,
    normalized: typeof flags.normalized === 'boolean' ? flags.normalized : !isSpecial,
    special: isSpecial,
  };
};

const isPresent = <T>(value: T | undefined): value is T => value !== undefined;

const readTokens = (values: unknown, special: boolean): UnnumberedToken[] =>
  (Array.isArray(values) ? values : []).map((value: unknown) => readToken(value, special)).filter(isPresent);

/** Adds tokens as Python's tokenizers do: by their id in the vocabulary, else behind the largest. */
const addTokens = (added: Map<string, AddedToken>, tokens: readonly UnnumberedToken[], vocabulary: Vocabulary): void => {
  let next = [...added.values()].reduce((largest, { id }) => Math.max(largest, id + 1), vocabulary.size);
  for (const token of tokens) {
    const id = added.get(token.content)?.id ?? vocabulary.get(token.content) ?? next++;
    added.delete(token.content);
    added.set(token.content, { ...token, id });
  }
};

const isSame = (a: UnnumberedToken | undefined, b: UnnumberedToken): boolean =>
  a?.single_word === b.single_word &&
  a.lstrip === b.lstrip &&
  a.rstrip === b.rstrip &&
  a.normalized === b.normalized &&
  a.special === b.special;

/** What the added tokens are gathered from. */
export interface AddedTokenSources {
  readonly definition: Json;
  /** tokenizer_config.json, with special_tokens_map.json over it where transformers reads that. */
  readonly settings: Json;
  readonly vocabulary: Vocabulary;
  /** Special tokens of the class that `settings` does not name. */
  readonly defaultTokens: Readonly<Record<string, string>>;
  /** The class starts without tokenizer.json's added tokens. */
  readonly rebuilt: boolean;
}

/**
 * Gathers the added tokens: tokenizer.json's, then those that tokenizer_config.json lists, with its flags, then its
 * special tokens that none of them names, as far as the vocabulary has them.
 *
 * Source: TokenizersBackend.__init__ of transformers 5.23, add_tokens of tokenizers 0.23.
 */
export const completeAddedTokens = ({ definition, settings, vocabulary, defaultTokens, rebuilt }: AddedTokenSources): AddedToken[] => {
  const own = readTokens(definition.added_tokens, false);
  const added = new Map<string, AddedToken>();
  if (!rebuilt) addTokens(added, own, vocabulary);
  const listed = isJson(settings.added_tokens_decoder)
    ? Object.entries(settings.added_tokens_decoder)
        .sort(([a], [b]) => Number(a) - Number(b))
        .map(([, token]) => readToken(token, false))
        .filter(isPresent)
    : own;
  addTokens(
    added,
    listed.filter((token) => !isSame(added.get(token.content), token)),
    vocabulary,
  );
  const named = Object.entries(settings).filter(([role, value]) => role.endsWith('_token') && typeof value !== 'boolean');
  const extra = settings.extra_special_tokens ?? settings.additional_special_tokens;
  const defaults = Object.entries(defaultTokens).filter(([role]) => !(role in settings));
  const special = [
    ...readTokens(
      [...named, ...defaults].map(([, value]) => value),
      true,
    ),
    ...readTokens(isJson(extra) ? Object.values(extra) : extra, true),
  ].filter(({ content }) => vocabulary.has(content) && !added.has(content));
  addTokens(added, special, vocabulary);
  return [...added.values()];
};
