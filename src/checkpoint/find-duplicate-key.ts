/**
 * Finds a key that one object of a JSON text holds twice; JSON.parse keeps the last one silently.
 *
 * @param text valid JSON (parse it first)
 * @returns the first repeated key, or undefined
 */
export const findDuplicateKey = (text: string): string | undefined => {
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]+|\\.)*"(\s*:)?|[[\]{}]/gs;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found, colon] = match;
    if (found === '{') open.push(new Set());
    else if (found === '[') open.push(undefined);
    else if (found === '}' || found === ']') open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(found.slice(0, -colon.length)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
};
