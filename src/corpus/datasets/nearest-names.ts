/** Single-letter changes, insertions and deletions that turn one name into another (Levenshtein's distance). */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
};

/** Letters and digits only, in lower case: `Self_Instruct` is `self-instruct` misspelt by nothing. */
const simplify = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** Names that are close to a misspelt one, nearest first: at most a third of its letters differ, or one is part of the other. */
export const nearestNames = (name: string, names: readonly string[]): string[] => {
  const simple = simplify(name);
  if (simple === '') return [];
  return names
    .map((candidate) => ({ candidate, simple: simplify(candidate) }))
    .map((known) => ({ ...known, away: distance(simple, known.simple) }))
    .filter(({ away, simple: known }) => away <= Math.max(1, Math.floor(simple.length / 3)) || (known.length > 2 && simple.includes(known)))
    .sort((a, b) => a.away - b.away)
    .map(({ candidate }) => candidate);
};
