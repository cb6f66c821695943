import type { Split } from '../calibration/index.js';

/** Tokens routed to each expert of one block. */
export type BlockRouting = Readonly<Record<Split, readonly number[]>>;

/** Counts, over a run, the tokens that are routed to each expert of each block. */
export class RoutingCounts {
  private readonly blocks = new Map<number, Record<Split, number[]>>();

  /** Adds the counts of one segment. */
  add(block: number, split: Split, counts: readonly number[]): void {
    const zeros = (): number[] => counts.map(() => 0);
    let held = this.blocks.get(block);
    if (!held) this.blocks.set(block, (held = { calibration: zeros(), heldOut: zeros() }));
    counts.forEach((count, expert) => (held[split][expert]! += count));
  }

  /** Takes over the counts of an earlier attempt. */
  restore(entries: readonly (readonly [block: number, routing: BlockRouting])[]): void {
    for (const [block, { calibration, heldOut }] of entries)
      this.blocks.set(block, { calibration: [...calibration], heldOut: [...heldOut] });
  }

  /** Counts by block, for the blocks that have experts. */
  entries(): [block: number, routing: BlockRouting][] {
    return [...this.blocks].sort(([a], [b]) => a - b);
  }
}
