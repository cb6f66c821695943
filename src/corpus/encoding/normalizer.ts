import { TokenizerError } from '../errors.js';
import { isJson, type Json } from '../read-json-object.js';
import { spellBytes } from './byte-level.js';
import { normalizeUnicode } from './normalize-unicode.js';
import { createCharsmap } from './precompiled-charsmap.js';
import { COMBINING_MARKS, DROPPED_CONTROLS, NONSPACING_MARKS } from './python-characters.js';
import { standInCharacters } from './stand-in-characters.js';
import { translateOniguruma } from './translate-oniguruma.js';

/** How much longer a normalized text may be: one character becomes 18 at most in Unicode. */
const MOST_GROWTH = 64;

/** Longest text that a rule puts in, in UTF-16 units; checkpoints have three. */
const LONGEST_CONTENT = 1_000;

const shortText = (value: unknown, rule: string): string => {
  if (typeof value === 'string' && value.length <= LONGEST_CONTENT) return value;
  throw new TokenizerError(
    'QL_TOKENIZER_JSON',
    `tokenizer.json's ${rule} puts in ${typeof value === 'string' ? `${value.length} characters` : JSON.stringify(value)}; a text of at most ${LONGEST_CONTENT} is expected. Fetch tokenizer.json again.`,
  );
};

/** Turns a text into the form that the vocabulary knows. */
export type Normalize = (text: string) => string;

/** Character by character where JavaScript's lower case, of Σ alone, depends on what follows. */
const lowercase: Normalize = (text) =>
  text.includes('Σ') ? Array.from(text, (character) => character.toLowerCase()).join('') : text.toLowerCase();

const removed = (characters: string): Normalize => {
  const pattern = new RegExp(characters, 'gu');
  return (text) => text.replace(pattern, '');
};

const strip = (left: boolean, right: boolean): Normalize => {
  const pattern = new RegExp(
    [...(left ? ['^\\p{White_Space}+'] : []), ...(right ? ['(?<!\\p{White_Space})\\p{White_Space}+$'] : [])].join('|') || '(?!)',
    'gu',
  );
  return (text) => text.replace(pattern, '');
};

const CJK = /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

const bert = (definition: Json): Normalize => {
  const { clean_text: clean, handle_chinese_chars: cjk, strip_accents: stripAccents, lowercase: lower } = definition;
  const steps: Normalize[] = [];
  const dropControls = removed(DROPPED_CONTROLS);
  if (clean) steps.push(dropControls, (text) => text.replace(/\p{White_Space}/gu, ' '));
  if (cjk) steps.push((text) => text.replace(CJK, ' $& '));
  if (stripAccents ?? lower) steps.push((text) => normalizeUnicode(text, 'NFD'), removed(NONSPACING_MARKS));
  if (lower) steps.push(lowercase);
  return (text) => steps.reduce((result, step) => step(result), text);
};

/** Replaces the matches of a pattern that sees the text with its stand-ins. */
const replaceMatches = (text: string, pattern: RegExp, content: string): string => {
  let result = '';
  let end = 0;
  for (const match of standInCharacters(text).matchAll(pattern)) {
    result += text.slice(end, match.index) + content;
    end = match.index + match[0].length;
  }
  return result + text.slice(end);
};

const replace = ({ pattern, content: replacement }: Json): Normalize => {
  if (isJson(pattern)) {
    const content = shortText(replacement, 'Replace');
    if (typeof pattern.String === 'string') {
      const { String: literal } = pattern;
      return (text) => text.replaceAll(literal, () => content);
    }
    if (typeof pattern.Regex === 'string') {
      const expression = translateOniguruma(pattern.Regex);
      return (text) => replaceMatches(text, expression, content);
    }
  }
  throw new TokenizerError('QL_TOKENIZER_JSON', "tokenizer.json's Replace has no pattern. Fetch tokenizer.json again.");
};

/** SentencePiece's nmt rules. Source: normalizers/unicode.rs of tokenizers 0.23. */
const nmt: Normalize = (text) =>
  text
    .replace(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/gu, '')
    .replace(/[\u0009\u000a\u000c\u000d\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu, ' ');

const createStep = (definition: unknown): Normalize => {
  const part: Json = isJson(definition) ? definition : {};
  const { type } = part;
  switch (type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => normalizeUnicode(text, type);
    case 'Lowercase':
      return lowercase;
    case 'StripAccents':
      return removed(COMBINING_MARKS);
    case 'Strip':
      return strip(part.strip_left === true, part.strip_right === true);
    case 'Prepend': {
      const prepend = shortText(part.prepend, 'Prepend');
      return (text) => text && prepend + text;
    }
    case 'Replace':
      return replace(part);
    case 'BertNormalizer':
      return bert(part);
    case 'Precompiled':
      return createCharsmap(typeof part.precompiled_charsmap === 'string' ? part.precompiled_charsmap : '');
    case 'Nmt':
      return nmt;
    case 'ByteLevel':
      return spellBytes;
    default:
      throw new TokenizerError(
        'QL_TOKENIZER_UNSUPPORTED',
        `tokenizer.json has a normalizer of type ${JSON.stringify(type)}, which quailora does not know. Use a checkpoint whose tokenizer does without.`,
      );
  }
};

/** The steps of a normalizer, sequences inside sequences laid out. */
const stepsOf = (definition: unknown): Normalize[] => {
  if (definition === null || definition === undefined) return [];
  if (isJson(definition) && definition.type === 'Sequence')
    return (Array.isArray(definition.normalizers) ? definition.normalizers : []).flatMap(stepsOf);
  return [createStep(definition)];
};

/**
 * Builds the normalizer of tokenizer.json. What it returns throws RangeError where a text grows more than `MOST_GROWTH` times.
 *
 * @param definition its `normalizer`; null changes nothing
 * @throws TokenizerError QL_TOKENIZER_UNSUPPORTED or QL_TOKENIZER_JSON; retrying does not help
 */
export const createNormalizer = (definition: unknown): Normalize => {
  const steps = stepsOf(definition);
  return (text) => {
    const longest = MOST_GROWTH * (text.length + 1_000);
    return steps.reduce((result, step) => {
      const next = step(result);
      if (next.length > longest) throw new RangeError(`its normalizer makes more than ${longest} characters`);
      return next;
    }, text);
  };
};

/**
 * Tells whether a normalizer leaves the beginning of a text in its place, so that its first piece is still the first.
 * Where it may remove or join characters there, Python's tokenizers no longer count that piece as the first.
 */
export const keepsBeginning = (definition: unknown): boolean => {
  if (!isJson(definition)) return true;
  const { type, pattern, normalizers } = definition;
  if (type === 'Sequence') return Array.isArray(normalizers) && normalizers.every(keepsBeginning);
  if (type === 'Replace') return isJson(pattern) && typeof pattern.String === 'string' && Array.from(pattern.String).length === 1;
  return ['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'Prepend', 'ByteLevel'].includes(typeof type === 'string' ? type : '');
};
