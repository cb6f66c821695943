import type { Normalize } from './normalizer.js';
import { PrefixTree } from './prefix-tree.js';
import { standInCharacters } from './stand-in-characters.js';

/** A token that is looked for in the text before anything else happens to it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Found only where no letter, digit or mark adjoins it. */
  readonly single_word: boolean;
  /** Takes the white space before it along. */
  readonly lstrip: boolean;
  /** Takes the white space after it along. */
  readonly rstrip: boolean;
  /** Looked for, in its normalized form, after normalization. */
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A stretch of text, or the id of the token found there. */
export type Stretch = { readonly text: string; readonly first: boolean } | { readonly id: number };

const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
const ENDS_WITH_WORD = new RegExp(`${WORD}$`, 'u');
const BEGINS_WITH_WORD = new RegExp(`^${WORD}`, 'u');

const spaceBefore = (text: string, end: number): number => {
  let start = end;
  while (start > 0 && /\p{White_Space}/u.test(text[start - 1]!)) start--;
  return start;
};

const spaceAfter = (text: string, start: number): number => {
  let end = start;
  while (end < text.length && /\p{White_Space}/u.test(text[end]!)) end++;
  return end;
};

/**
 * Builds the search for one kind of added tokens: at each place the longest, from left to right.
 *
 * @param spelling what each token is looked for as
 *
 * Source: tokenizer/added_vocabulary.rs of tokenizers 0.23, find_matches.
 */
export const createTokenSearch = (tokens: readonly AddedToken[], spelling: Normalize): ((text: string, first: boolean) => Stretch[]) => {
  const tree = new PrefixTree<AddedToken>();
  for (const token of tokens) tree.set(spelling(token.content), token);
  const findAt = (text: string, start: number): { token: AddedToken; end: number } | undefined => {
    let longest: { token: AddedToken; end: number } | undefined;
    tree.visit(text, start, (end, token) => (longest = { token, end }));
    return longest;
  };
  const isSingleWord = (text: string, start: number, end: number): boolean =>
    !ENDS_WITH_WORD.test(standInCharacters(text.slice(Math.max(0, start - 2), start))) &&
    !BEGINS_WITH_WORD.test(standInCharacters(text.slice(end, end + 2)));

  return (text, first) => {
    const stretches: Stretch[] = [];
    let done = 0;
    const addText = (end: number): void => {
      if (end > done) stretches.push({ text: text.slice(done, end), first: first && done === 0 });
    };
    for (let i = 0; i < text.length;) {
      const found = findAt(text, i);
      if (!found) {
        i++;
        continue;
      }
      const { token, end } = found;
      const start = i;
      i = end;
      if (token.single_word && !isSingleWord(text, start, end)) continue;
      addText(token.lstrip ? Math.max(spaceBefore(text, start), done) : start);
      stretches.push({ id: token.id });
      // A token inside white space that the one before took along sets this back, as it does in Python.
      done = token.rstrip ? spaceAfter(text, end) : end;
    }
    addText(text.length);
    return stretches;
  };
};
