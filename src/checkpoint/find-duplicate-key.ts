import { jsonTokens } from '../foundation/index.js';

/**
 * Finds a key that one object of a JSON text holds twice; JSON.parse keeps the last one silently.
 *
 * @param text valid JSON (parse it first)
 * @returns the first repeated key, or undefined
 */
export const findDuplicateKey = (text: string): string | undefined => {
  const open: (Set<string> | undefined)[] = [];
  let last: string | undefined;
  for (const { found } of jsonTokens(text)) {
    if (found === '{') open.push(new Set());
    else if (found === '[') open.push(undefined);
    else if (found === '}' || found === ']') open.pop();
    else if (found === ':') {
      const key = JSON.parse(last!) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
    last = found;
  }
  return undefined;
};
