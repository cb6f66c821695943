/** Tensors that must lie in one file, and about how many bytes they take together. */
export interface ShardItem {
  readonly name: string;
  readonly bytes: number;
}

/** Orders names with their numbers by value, so that layer 2 comes before layer 10. */
export const byNameAndNumber = (a: string, b: string): number => {
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!];
    if (x === y) continue;
    const numeric = /^\d+$/.test(x) && /^\d+$/.test(y) ? Number(x) - Number(y) : 0;
    return numeric || (x < y ? -1 : 1);
  }
  return left.length - right.length;
};

/**
 * Cuts items into shards in name order. An item larger than a shard gets one to itself.
 *
 * @param shardBytes bytes a shard should not exceed
 * @returns the items' names, shard by shard; one empty shard when there are no items
 */
export const planShards = (items: readonly ShardItem[], shardBytes: number): string[][] => {
  const shards: string[][] = [[]];
  let filled = 0;
  for (const { name, bytes } of [...items].sort((a, b) => byNameAndNumber(a.name, b.name))) {
    if (filled > 0 && filled + bytes > shardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(name);
    filled += bytes;
  }
  return shards;
};
