import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { TokenizerError } from '../errors.js';

/** Longest pattern translated, in UTF-16 units: those of checkpoints have some hundred. */
const LONGEST_PATTERN = 20_000;

/** Where Oniguruma folds an ASCII letter with a character outside ASCII: the long s, the Kelvin sign. */
const FOLDED = new Map([
  ['s', '\u017f'],
  ['k', '\u212a'],
]);

/** Letters that fold together with one character (ß, ﬀ, ﬆ …), or fold outside ASCII: no translation letter by letter is exact. */
const FOLDED_TOGETHER = /^(?:ss|st|ff|fi|fl)$|[^\p{ASCII}]/iu;

const refuse = (source: string, what: string): never => {
  throw new TokenizerError(
    'QL_TOKENIZER_UNSUPPORTED',
    `tokenizer.json splits text with the pattern ${JSON.stringify(source)}. ${what} can't be reproduced exactly. Use a checkpoint whose tokenizer does without.`,
  );
};

/** The end of the class that begins at `start`, past its bracket; classes nest. */
const endOfClass = (source: string, start: number): number => {
  let depth = 0;
  for (let i = start; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '[') depth++;
    else if (source[i] === ']' && --depth === 0) return i + 1;
  }
  return refuse(source, 'A class without an end');
};

/** The end of the atom that begins at `start`, if it is an escape or one character. */
const endOfEscape = (source: string, start: number): number => {
  const escape = /^\\(?:[pPx]\{[^}]*\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{1,2}|[^])/u.exec(source.slice(start));
  return start + (escape?.[0].length ?? String.fromCodePoint(source.codePointAt(start)!).length);
};

/** Adds to letters under (?i: what Oniguruma folds them with and JavaScript's translation does not. */
const foldCase = (atom: string): string => {
  const added = [...FOLDED]
    .filter(([letter]) => new RegExp(letter, 'i').test(atom.replace(/\\[^]/gu, '')))
    .map(([, character]) => character);
  if (!added.length) return atom;
  return atom.startsWith('[') ? `${atom.slice(0, -1)}${added.join('')}]` : `[${atom}${added.join('')}]`;
};

/**
 * Rewrites what @huggingface/tokenizers takes for something else: possessive quantifiers and atomic groups, and letters
 * that ignore case. `(?=(?<_1>X*))\k<_1>` matches as X*+ does, for JavaScript never looks into a lookahead again.
 */
const rewrite = (source: string): string => {
  let result = '';
  let groups = 0;
  let atomStart = 0;
  const open: { start: number; ignoresCase: boolean; atomic: boolean }[] = [];
  const atomically = (inner: string): string => `(?=(?<_${++groups}>${inner}))\\k<_${groups}>`;
  for (let i = 0; i < source.length;) {
    const rest = source.slice(i);
    const ignoresCase = open.at(-1)?.ignoresCase ?? false;
    const group = /^\(\?(?:i:|:|=|!|>|<=|<!)|^\((?!\?)/u.exec(rest)?.[0];
    const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})/u.exec(rest)?.[0];
    if (group !== undefined) {
      open.push({ start: result.length, ignoresCase: ignoresCase || group === '(?i:', atomic: group === '(?>' });
      result += group === '(?>' || group === '(' ? '(?:' : group;
      i += group.length;
    } else if (rest.startsWith('(?')) refuse(source, `The group "${rest.slice(0, 4)}"`);
    else if (rest.startsWith(')')) {
      const { start, atomic } = open.pop() ?? refuse(source, 'A group without a beginning');
      atomStart = start;
      result += ')';
      if (atomic) result = `${result.slice(0, start)}(?:${atomically(result.slice(start))})`;
      i++;
    } else if (quantifier !== undefined) {
      const possessive = /^[*+?]/u.test(quantifier) && source[i + quantifier.length] === '+';
      const quantified = result.slice(atomStart) + quantifier;
      result = result.slice(0, atomStart) + (possessive ? `(?:${atomically(quantified)})` : quantified);
      i += quantifier.length + (possessive ? 1 : 0);
      if (!possessive && quantifier.startsWith('{') && source[i] === '+') {
        // X{1,3}+ repeats X{1,3}: only after * + ? does Ruby's syntax take the second + for possessive.
        result = `${result.slice(0, atomStart)}(?:${result.slice(atomStart)})+`;
        i++;
      } else if (!possessive && source[i] === '?') {
        result += '?';
        i++;
      }
    } else {
      const end = rest.startsWith('[') ? endOfClass(source, i) : endOfEscape(source, i);
      const atom = source.slice(i, end);
      if (/^\\(?:G|[1-9]|[kgRX])/u.test(atom)) refuse(source, `The escape "${atom}"`);
      const pair = source.slice(Math.max(0, i - 1), end);
      if (ignoresCase && FOLDED_TOGETHER.test(pair)) refuse(source, `Ignoring the case of "${pair}"`);
      atomStart = result.length;
      result += ignoresCase ? foldCase(atom) : atom;
      i = end;
    }
  }
  return result;
};

/**
 * Translates a pattern of Oniguruma, which Python's tokenizers go by, into a RegExp with the flags gu, to be run over
 * `standInCharacters(text)`.
 *
 * @throws TokenizerError QL_TOKENIZER_UNSUPPORTED where no exact translation is known; retrying does not help
 */
export const translateOniguruma = (source: string): RegExp => {
  if (source.length > LONGEST_PATTERN) return refuse(source, `A pattern of ${source.length} characters`);
  const rewritten = rewrite(source);
  try {
    const { pattern } = new SplitPreTokenizer({ type: 'Split', pattern: { Regex: rewritten }, behavior: 'Isolated', invert: false });
    if (pattern) return pattern;
  } catch (cause) {
    return refuse(source, `It has no translation into JavaScript (${String(cause)}), and`);
  }
  return refuse(source, 'It');
};
