/**
 * Finds the text of one member's value in the text of a JSON object, as it is written (1e-05 stays 1e-05), indented as
 * if it stood alone.
 *
 * @param text valid JSON of an object, indented by 2 or not at all
 * @returns undefined where the object has no such member
 */
export const memberText = (text: string, key: string): string | undefined => {
  const token = /"(?:[^"\\]|\\.)*"|[[\]{},:]/g;
  let depth = 0;
  let name: string | undefined;
  let begin: number | undefined;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match;
    if (depth === 1 && begin !== undefined && (found === ',' || found === '}'))
      return text.slice(begin, match.index).trim().replaceAll('\n  ', '\n');
    if (found === '{' || found === '[') depth++;
    else if (found === '}' || found === ']') depth--;
    else if (depth === 1 && found === ':' && name === key) begin ??= token.lastIndex;
    else if (depth === 1 && found.startsWith('"') && begin === undefined) name = JSON.parse(found) as string;
  }
  return undefined;
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
