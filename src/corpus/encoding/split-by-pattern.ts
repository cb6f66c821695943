/** What becomes of a match when a text is split: the five behaviors of tokenizer.json's Split. */
export type SplitBehavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

/** Tells whether a value of tokenizer.json names a behavior. */
export const isSplitBehavior = (value: unknown): value is SplitBehavior =>
  ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'].includes(value as string);

/** How a text is split. */
export interface SplitRule {
  /** Flags gu. */
  readonly pattern: RegExp;
  readonly behavior: SplitBehavior;
  /** Takes what lies between the matches for the matches. */
  readonly invert?: boolean;
  /** What the pattern sees of a text, of the same length. */
  readonly view?: (text: string) => string;
}

interface Part {
  start: number;
  end: number;
  readonly matched: boolean;
}

/** The matches of a pattern and what lies between them. */
const partsOf = (text: string, { pattern, view, invert = false }: SplitRule): Part[] => {
  const parts: Part[] = [];
  let end = 0;
  for (const match of (view ? view(text) : text).matchAll(pattern)) {
    const { index } = match;
    if (index > end) parts.push({ start: end, end: index, matched: invert });
    end = index + match[0].length;
    parts.push({ start: index, end, matched: !invert });
  }
  if (end < text.length) parts.push({ start: end, end: text.length, matched: invert });
  return parts;
};

/** Joins parts from left to right: `joins` says whether a part belongs to the piece that the one before began. */
const join = (parts: readonly Part[], joins: (part: Part, previous: boolean) => boolean): Part[] => {
  const joined: Part[] = [];
  let previous = false;
  for (const part of parts) {
    const last = joined.at(-1);
    if (last && joins(part, previous)) last.end = part.end;
    else joined.push({ ...part });
    previous = part.matched;
  }
  return joined;
};

/** As `join`, from right to left. */
const joinBackwards = (parts: readonly Part[]): Part[] => {
  const joined: Part[] = [];
  let previous = false;
  for (const part of [...parts].reverse()) {
    const last = joined.at(-1);
    if (last && part.matched && !previous) last.start = part.start;
    else joined.push({ ...part });
    previous = part.matched;
  }
  return joined.reverse();
};

const behave = (parts: Part[], behavior: SplitBehavior): Part[] => {
  switch (behavior) {
    case 'Isolated':
      return parts;
    case 'Removed':
      return parts.filter(({ matched }) => !matched);
    case 'Contiguous':
      return join(parts, ({ matched }, previous) => matched === previous);
    case 'MergedWithPrevious':
      return join(parts, ({ matched }, previous) => matched && !previous);
    case 'MergedWithNext':
      return joinBackwards(parts);
  }
};

/** A piece of a text, and whether the text begins with it. */
export interface Piece {
  readonly text: string;
  readonly first: boolean;
}

/**
 * Splits a piece at the matches of a pattern; empty pieces are left out.
 *
 * Source: NormalizedString::split of tokenizers 0.23.
 */
export const splitByPattern = ({ text, first }: Piece, rule: SplitRule): Piece[] => {
  const pieces: Piece[] = [];
  for (const { start, end } of behave(partsOf(text, rule), rule.behavior))
    if (end > start) pieces.push({ text: text.slice(start, end), first: first && start === 0 });
  return pieces;
};
