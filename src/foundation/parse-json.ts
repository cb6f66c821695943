import { QuailoraError } from './errors.js';

/** Deepest nesting read: checkpoints and tokenizers have about ten levels, and recursion over a thousand times that ends the process. */
const DEEPEST = 100;

/** Throws where brackets outside of strings nest deeper than `DEEPEST`; looks at each character once. */
const checkDepth = (text: string): void => {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x22) i = endOfJsonString(text, i) - 1;
    else if (unit === 0x7b || unit === 0x5b) depth++;
    else if (unit === 0x7d || unit === 0x5d) depth--;
    if (depth > DEEPEST) throw new QuailoraError('QL_JSON_DEPTH', `its values nest deeper than ${DEEPEST} levels`);
  }
};

/**
 * Finds the end of a string of a JSON text, past its closing quote; the end of the text where there is none.
 *
 * No regular expression: V8 keeps a place to go back to for each character of one, and gives up at some millions.
 *
 * @param start place of the opening quote
 */
export const endOfJsonString = (text: string, start: number): number => {
  for (let i = text.indexOf('"', start + 1); i >= 0; i = text.indexOf('"', i + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(i - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return i + 1;
  }
  return text.length;
};

/**
 * Parses a JSON text that may be hostile: as JSON.parse, but values that nest too deeply for a recursive reader are refused.
 *
 * @throws SyntaxError for what is no JSON
 * @throws QuailoraError QL_JSON_DEPTH; retrying does not help
 */
export const parseJson = (text: string): unknown => {
  checkDepth(text);
  return JSON.parse(text) as unknown;
};
