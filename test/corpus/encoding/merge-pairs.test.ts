import t from 'tap';
import { mergePairs } from '../../../src/corpus/encoding/merge-pairs.js';
import { PairRanks } from '../../../src/corpus/encoding/pair-ranks.js';
import { random } from '../../../src/foundation/index.js';

type Merge = readonly [left: number, right: number, rank: number, merged: number];

/** The definition: of all pairs that merge, the lowest rank, the leftmost; again and again. */
const mergeNaively = (symbols: readonly number[], merges: readonly Merge[]): number[] => {
  const result = [...symbols];
  for (;;) {
    let best: { at: number; merge: Merge } | undefined;
    for (let at = 0; at + 1 < result.length; at++) {
      const merge = merges.find(([left, right]) => left === result[at] && right === result[at + 1]);
      if (merge && (!best || merge[2] < best.merge[2])) best = { at, merge };
    }
    if (!best) return result;
    result.splice(best.at, 2, best.merge[3]);
  }
};

const ranksOf = (merges: readonly Merge[]): PairRanks => {
  const ranks = new PairRanks(merges.length);
  for (const merge of merges) ranks.set(...merge);
  return ranks;
};

t.test('merges as the definition says', async (t) => {
  const { below: integer } = random(5);
  for (let round = 0; round < 200; round++) {
    const [letters, merges] = [3, [] as Merge[]];
    for (let rank = 0; rank < 12; rank++) {
      const merged = letters + rank;
      const [left, right] = [integer(merged), integer(merged)];
      if (!merges.some((merge) => merge[0] === left && merge[1] === right)) merges.push([left, right, integer(1000), merged]);
    }
    const distinct = merges.map(([left, right, , merged], i): Merge => [left, right, 7 * i + (i % 2 ? 100 : 0), merged]);
    const symbols = Array.from({ length: integer(40) }, () => integer(letters));
    t.same(mergePairs([...symbols], ranksOf(distinct)), mergeNaively(symbols, distinct), JSON.stringify({ symbols, distinct }));
  }
});

t.test('long runs of one symbol', async (t) => {
  const merges: Merge[] = [
    [0, 0, 0, 1],
    [1, 1, 1, 2],
    [2, 2, 2, 3],
  ];
  t.same(
    mergePairs(
      Array.from({ length: 100_003 }, () => 0),
      ranksOf(merges),
    ).slice(-3),
    [3, 1, 0],
  );
  t.same(mergePairs([], ranksOf(merges)), []);
  t.same(mergePairs([0], ranksOf(merges)), [0]);
});
