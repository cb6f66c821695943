import { TokenizerError } from './errors.js';
import { isJson, type Json } from './read-json-object.js';

/** Every object of a JSON value that has a `type`, at any depth. */
function* typedParts(value: unknown): Generator<Json, void, undefined> {
  if (Array.isArray(value)) for (const item of value) yield* typedParts(item);
  else if (isJson(value)) {
    if (typeof value.type === 'string') yield value;
    for (const item of Object.values(value)) yield* typedParts(item);
  }
}

/**
 * Refuses a tokenizer.json with features for which the JavaScript tokenizer gives other ids than Python's.
 *
 * Source: README of @huggingface/tokenizers, section "Regex compatibility", and its BPE and AddedToken classes.
 *
 * @throws TokenizerError QL_TOKENIZER_UNSUPPORTED naming the feature; retrying does not help
 */
export const refuseUnsupported = (definition: Json): void => {
  const features: string[] = [];
  const { model, added_tokens: added, pre_tokenizer: preTokenizer } = definition;
  if (isJson(model) && model.type === 'BPE') {
    if (model.dropout) features.push('BPE dropout (ids would be random)');
    if (model.continuing_subword_prefix) features.push('a BPE continuing_subword_prefix');
  }
  for (const part of typedParts(preTokenizer))
    if (part.type === 'Split' && !['Isolated', 'Removed'].includes(String(part.behavior)))
      features.push(`a Split pre-tokenizer with behavior ${String(part.behavior)}`);
  if (Array.isArray(added) && added.some((token) => isJson(token) && token.single_word === true))
    features.push('an added token with single_word');
  if (features.length)
    throw new TokenizerError(
      'QL_TOKENIZER_UNSUPPORTED',
      `tokenizer.json uses ${features.join(', ')}, which quailora can't reproduce exactly. Use a checkpoint whose tokenizer does without.`,
    );
};
