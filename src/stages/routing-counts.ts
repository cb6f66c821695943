import type { Split } from '../calibration/index.js';

/** Tokens routed to each expert of one block, by expert. */
export interface BlockRouting {
  readonly block: number;
  readonly calibrationTokens: readonly number[];
  readonly heldOutTokens: readonly number[];
}

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
  restore(entries: readonly BlockRouting[]): void {
    for (const { block, calibrationTokens, heldOutTokens } of entries)
      this.blocks.set(block, { calibration: [...calibrationTokens], heldOut: [...heldOutTokens] });
  }

  /** Counts by block, for the blocks that have experts. */
  entries(): BlockRouting[] {
    const sorted = [...this.blocks].sort(([a], [b]) => a - b);
    return sorted.map(([block, { calibration, heldOut }]) => ({ block, calibrationTokens: calibration, heldOutTokens: heldOut }));
  }
}
