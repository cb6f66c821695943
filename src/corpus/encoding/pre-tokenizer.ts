import { TokenizerError } from '../errors.js';
import { isJson, type Json } from '../read-json-object.js';
import { spellBytes } from './byte-level.js';
import { NUMERIC, PUNCTUATION } from './python-characters.js';
import { isSplitBehavior, splitByPattern, type Piece, type SplitBehavior, type SplitRule } from './split-by-pattern.js';
import { standInCharacters } from './stand-in-characters.js';
import { translateOniguruma } from './translate-oniguruma.js';

/** Longest of the pieces of a fixed length, in characters. */
const LONGEST_PIECE = 65_535;

/** Cuts pieces into smaller ones. */
type Cut = (pieces: readonly Piece[]) => readonly Piece[];

/** Cuts a text into the pieces that the model gets, and spells each piece as the vocabulary does. */
export interface PreTokenizer {
  readonly cut: Cut;
  /** Applied to what `cut` returns, so that pieces seen before need no spelling; undefined where it changes nothing. */
  readonly spell?: (text: string) => string;
}

/** Source: pre_tokenizers/byte_level.rs of tokenizers 0.23. */
const GPT_2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const refuse = (what: string): never => {
  throw new TokenizerError(
    'QL_TOKENIZER_UNSUPPORTED',
    `tokenizer.json has ${what}, which quailora does not know. Use a checkpoint whose tokenizer does without.`,
  );
};

const escape = (literal: string): string => literal.replace(/[.*+?^${}()|[\]\\/]/gu, '\\$&');

const cutBy =
  (rule: SplitRule): Cut =>
  (pieces) =>
    pieces.flatMap((piece) => splitByPattern(piece, rule));

/** A pattern over what Unicode 16 knows, which Oniguruma and Rust's regular expressions go by. */
const cutByPattern = (pattern: RegExp, behavior: SplitBehavior, invert = false): Cut =>
  cutBy({ pattern, behavior, invert, view: standInCharacters });

const cutByCharacters = (characters: string, behavior: SplitBehavior): Cut => cutBy({ pattern: new RegExp(characters, 'gu'), behavior });

const behaviorOf = (behavior: unknown): SplitBehavior =>
  isSplitBehavior(behavior) ? behavior : refuse(`a split of behavior ${JSON.stringify(behavior)}`);

const cutAsSplit = ({ pattern, behavior, invert }: Json): Cut => {
  const source = isJson(pattern) ? pattern : {};
  if (typeof source.Regex === 'string') return cutByPattern(translateOniguruma(source.Regex), behaviorOf(behavior), invert === true);
  if (typeof source.String !== 'string') return refuse('a Split without a pattern');
  const literal = new RegExp(escape(source.String), 'gu');
  return cutBy({ pattern: literal, behavior: behaviorOf(behavior), invert: invert === true });
};

const prefixed = ({ text, first }: Piece, prefix: string): Piece => ({ text: text.startsWith(prefix) ? text : prefix + text, first });

const cutAsByteLevel = ({ add_prefix_space: prefix, use_regex: useRegex }: Json): Cut => {
  const pattern = translateOniguruma(GPT_2);
  const cut: Cut = useRegex === false ? (pieces) => pieces : cutByPattern(pattern, 'Isolated');
  return prefix === true ? (pieces) => cut(pieces.map((piece) => prefixed(piece, ' '))) : cut;
};

const cutAsMetaspace = (definition: Json): Cut => {
  const { replacement, prepend_scheme: named, add_prefix_space: prefix, split } = definition;
  if (typeof replacement !== 'string' || Array.from(replacement).length !== 1) return refuse('a Metaspace without a replacement');
  const scheme = named ?? (prefix === false ? 'never' : 'always');
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'never') return refuse(`a Metaspace that prepends ${JSON.stringify(scheme)}`);
  const respell = (piece: Piece): Piece => {
    const spelled = { text: piece.text.replaceAll(' ', replacement), first: piece.first };
    return scheme === 'always' || (scheme === 'first' && piece.first) ? prefixed(spelled, replacement) : spelled;
  };
  const cut: Cut =
    split === false ? (pieces) => pieces : cutBy({ pattern: new RegExp(escape(replacement), 'gu'), behavior: 'MergedWithNext' });
  return (pieces) => cut(pieces.map(respell));
};

const cutByLength = (length: unknown): Cut => {
  const size: unknown = length ?? 5;
  if (!(Number.isInteger(size) && Number(size) >= 1 && Number(size) <= LONGEST_PIECE))
    return refuse(`pieces of the fixed length ${JSON.stringify(length)}`);
  return cutBy({ pattern: new RegExp(`[^]{1,${String(size)}}`, 'gu'), behavior: 'Isolated' });
};

const cutAs = (definition: Json): Cut => {
  switch (definition.type) {
    case 'Split':
      return cutAsSplit(definition);
    case 'Metaspace':
      return cutAsMetaspace(definition);
    case 'Digits':
      return cutByCharacters(NUMERIC, definition.individual_digits === true ? 'Isolated' : 'Contiguous');
    case 'Punctuation':
      return cutByCharacters(PUNCTUATION, behaviorOf(definition.behavior ?? 'Isolated'));
    case 'WhitespaceSplit':
      return cutByCharacters('\\p{White_Space}', 'Removed');
    case 'Whitespace': {
      const word = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
      return cutByPattern(new RegExp(`${word}+|(?:(?!${word})\\P{White_Space})+`, 'gu'), 'Removed', true);
    }
    case 'BertPreTokenizer': {
      const [words, marks] = [cutByCharacters('\\p{White_Space}', 'Removed'), cutByCharacters(PUNCTUATION, 'Isolated')];
      return (pieces) => marks(words(pieces));
    }
    case 'CharDelimiterSplit':
      return cutAsSplit({ pattern: { String: definition.delimiter }, behavior: 'Removed' });
    case 'FixedLength':
      return cutByLength(definition.length);
    default:
      return refuse(`a pre-tokenizer of type ${JSON.stringify(definition.type)}`);
  }
};

const spelled = ({ text, first }: Piece): Piece => ({ text: spellBytes(text), first });

/**
 * Builds the pre-tokenizer of tokenizer.json.
 *
 * @param definition its `pre_tokenizer`; null cuts nothing
 * @throws TokenizerError QL_TOKENIZER_UNSUPPORTED; retrying does not help
 */
export const createPreTokenizer = (definition: unknown): PreTokenizer => {
  if (definition === null || definition === undefined) return { cut: (pieces) => pieces };
  if (!isJson(definition)) return refuse('a pre-tokenizer that is no object');
  if (definition.type === 'ByteLevel') return { cut: cutAsByteLevel(definition), spell: spellBytes };
  if (definition.type !== 'Sequence') return { cut: cutAs(definition) };
  const steps = (Array.isArray(definition.pretokenizers) ? definition.pretokenizers : []).map(createPreTokenizer);
  const last = steps.pop();
  if (!last) return { cut: (pieces) => pieces };
  const cuts = [...steps.map(({ cut, spell }): Cut => (spell ? (pieces) => cut(pieces).map(spelled) : cut)), last.cut];
  return { ...last, cut: (pieces) => cuts.reduce((cut, step) => step(cut), pieces) };
};
