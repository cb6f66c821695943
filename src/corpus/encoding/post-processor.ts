import { TokenizerError } from '../errors.js';
import { isJson, type Json } from '../read-json-object.js';
import { isTokenId } from './model.js';

/** Adds a text's special tokens to its ids. */
export type Finish = (ids: number[]) => number[];

const malformed = (what: string): TokenizerError =>
  new TokenizerError('QL_TOKENIZER_JSON', `tokenizer.json's post_processor ${what}. Fetch tokenizer.json again.`);

/** The ids of a template's special token. */
const idsOf = (name: unknown, specialTokens: unknown): number[] => {
  const token: unknown =
    isJson(specialTokens) && typeof name === 'string' && Object.hasOwn(specialTokens, name) ? specialTokens[name] : undefined;
  if (isJson(token) && Array.isArray(token.ids) && token.ids.every(isTokenId)) return token.ids;
  throw malformed(`uses ${JSON.stringify(name)} without its ids`);
};

const finishByTemplate = ({ single, special_tokens: specialTokens }: Json): Finish => {
  if (!Array.isArray(single)) throw malformed('has a template that is no list');
  const items = single.map((item: unknown) => {
    const { SpecialToken: special } = isJson(item) ? item : {};
    return isJson(special) ? idsOf(special.id, specialTokens) : undefined;
  });
  const texts = items.filter((item) => item === undefined).length;
  // Templates in a row would otherwise double the text each time.
  if (texts !== 1) throw malformed(`holds the text ${texts} times in a template for one text, not once`);
  return (ids) => items.flatMap((item) => item ?? ids);
};

const idOfPair = (pair: unknown): number => {
  const id: unknown = Array.isArray(pair) ? pair[1] : undefined;
  if (isTokenId(id)) return id;
  throw malformed('names no id for its first or last token');
};

/**
 * Builds the post-processor of tokenizer.json, for single texts.
 *
 * @param definition its `post_processor`; null adds nothing
 * @throws TokenizerError QL_TOKENIZER_UNSUPPORTED or QL_TOKENIZER_JSON; retrying does not help
 */
export const createPostProcessor = (definition: unknown): Finish => {
  if (!isJson(definition)) return (ids) => ids;
  switch (definition.type) {
    case 'ByteLevel':
      return (ids) => ids;
    case 'TemplateProcessing':
      return finishByTemplate(definition);
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const [first, last] = [idOfPair(definition.cls), idOfPair(definition.sep)];
      return (ids) => [first, ...ids, last];
    }
    case 'Sequence': {
      const steps = (Array.isArray(definition.processors) ? definition.processors : []).map(createPostProcessor);
      return (ids) => steps.reduce((result, step) => step(result), ids);
    }
    default:
      throw new TokenizerError(
        'QL_TOKENIZER_UNSUPPORTED',
        `tokenizer.json has a post-processor of type ${JSON.stringify(definition.type)}, which quailora does not know. Use a checkpoint whose tokenizer does without.`,
      );
  }
};
