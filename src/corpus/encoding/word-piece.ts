import type { Json } from '../read-json-object.js';
import { unknownTokenId, type Model, type Vocabulary } from './model.js';

/**
 * Builds a WordPiece model: the longest token that begins a word, then the longest that continues it; one unknown
 * token for a word that can't be written so.
 *
 * @param definition tokenizer.json's `model`
 *
 * Source: models/wordpiece/mod.rs of tokenizers 0.23.
 */
export const createWordPiece = (definition: Json, vocabulary: Vocabulary): Model => {
  const { continuing_subword_prefix: continuing, max_input_chars_per_word: limit, unk_token: named } = definition;
  const prefix = typeof continuing === 'string' ? continuing : '##';
  const longestWord = typeof limit === 'number' ? limit : 100;
  const unknown = unknownTokenId(typeof named === 'string' ? named : '[UNK]', vocabulary);
  const longestToken = [...vocabulary.keys()].reduce((most, token) => Math.max(most, token.length), 0);
  const encode = (word: string): number[] => {
    const characters = Array.from(word);
    if (characters.length > longestWord) return [unknown()];
    const ids: number[] = [];
    for (let start = 0; start < characters.length;) {
      // Without the bound, a long word costs the square of its length.
      let end = Math.min(characters.length, start + longestToken);
      let id: number | undefined;
      for (; end > start && id === undefined; end--) id = vocabulary.get((start > 0 ? prefix : '') + characters.slice(start, end).join(''));
      if (id === undefined) return [unknown()];
      ids.push(id);
      start = end + 1;
    }
    return ids;
  };
  return { encode };
};
