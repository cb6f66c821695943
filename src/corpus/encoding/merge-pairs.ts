import type { PairRanks } from './pair-ranks.js';

/** A merge waits as rank · 2³² + position: the lowest rank first, then the leftmost. */
const POSITIONS = 2 ** 32;

const push = (heap: number[], value: number): void => {
  let i = heap.length;
  heap.push(value);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = value;
};

const popLeast = (heap: number[]): number => {
  const least = heap[0]!;
  const value = heap.pop()!;
  const size = heap.length;
  if (size === 0) return least;
  let i = 0;
  for (let child = 1; child < size; child = 2 * i + 1) {
    if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= value) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = value;
  return least;
};

/**
 * Merges neighbouring symbols, the pair of the lowest rank first, until none merges.
 *
 * @param symbols ids; overwritten
 * Cost: n log n in the number of symbols.
 */
export const mergePairs = (symbols: number[], ranks: PairRanks): number[] => {
  const count = symbols.length;
  const next = symbols.map((_, i) => (i + 1 < count ? i + 1 : -1));
  const previous = symbols.map((_, i) => i - 1);
  const heap: number[] = [];
  const offer = (position: number): void => {
    const right = next[position]!;
    const rank = right < 0 ? -1 : ranks.rank(symbols[position]!, symbols[right]!);
    if (rank >= 0) push(heap, rank * POSITIONS + position);
  };
  for (let i = 0; i < count - 1; i++) offer(i);
  while (heap.length) {
    const least = popLeast(heap);
    const position = least % POSITIONS;
    const right = next[position]!;
    // A merge that waited while its symbols changed is void.
    if (symbols[position]! < 0 || right < 0 || ranks.rank(symbols[position]!, symbols[right]!) !== Math.floor(least / POSITIONS)) continue;
    symbols[position] = ranks.merged(symbols[position]!, symbols[right]!);
    symbols[right] = -1;
    const after = next[right]!;
    next[position] = after;
    if (after >= 0) previous[after] = position;
    if (previous[position]! >= 0) offer(previous[position]!);
    offer(position);
  }
  return symbols.filter((symbol) => symbol >= 0);
};
