import { endOfJsonString } from './parse-json.js';

/** Marks that structure a JSON text. */
const MARKS = /["[\]{},:]/gu;

/** The strings and the marks of a valid JSON text, in order; white space, numbers and words are passed over. */
export const jsonTokens = function* (text: string): Generator<{ readonly found: string; readonly start: number; readonly end: number }> {
  const marks = new RegExp(MARKS);
  for (let match = marks.exec(text); match; match = marks.exec(text)) {
    const start = match.index;
    const end = match[0] === '"' ? endOfJsonString(text, start) : start + 1;
    marks.lastIndex = end;
    yield { found: text.slice(start, end), start, end };
  }
};

/**
 * Finds the text of one member's value in the text of a JSON object, as it is written (1e-05 stays 1e-05), indented as
 * if it stood alone. Of a member that is there twice it is the last one's, as for JSON.parse.
 *
 * @param text valid JSON of an object, indented by 2 or not at all
 * @returns undefined where the object has no such member
 */
export const memberText = (text: string, key: string): string | undefined => {
  let depth = 0;
  let name: string | undefined;
  let begin: number | undefined;
  let value: string | undefined;
  for (const { found, start, end } of jsonTokens(text)) {
    if (depth === 1 && begin !== undefined && (found === ',' || found === '}')) {
      value = text.slice(begin, start).trim().replaceAll('\n  ', '\n');
      begin = undefined;
    }
    if (found === '{' || found === '[') depth++;
    else if (found === '}' || found === ']') depth--;
    else if (depth === 1 && found === ':' && name === key) begin ??= end;
    else if (depth === 1 && found.startsWith('"') && begin === undefined) name = JSON.parse(found) as string;
  }
  return value;
};

/**
 * Adds a member at the end of the text of a JSON object. Everything else stays byte for byte, for JavaScript would turn
 * 10000.0 into 10000.
 *
 * @param value JSON text, indented by 2
 */
export const withMember = (text: string, key: string, value: string): string => {
  const end = text.lastIndexOf('}');
  const body = text.slice(0, end).trimEnd();
  const separator = body.endsWith('{') ? '' : ',';
  return `${body}${separator}\n  ${JSON.stringify(key)}: ${value.replaceAll('\n', '\n  ')}\n${text.slice(end)}`;
};
