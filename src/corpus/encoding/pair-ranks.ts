/** Multipliers of Knuth's kind, that spread ids over the table. */
const [SPREAD_LEFT, SPREAD_RIGHT] = [0x9e3779b1, 0x85ebca6b];

/**
 * Merges by the ids of their two parts: an open-addressed table, because a Map keyed by pairs takes six times the
 * memory at half a million merges.
 */
export class PairRanks {
  readonly #mask: number;
  /** Four numbers an entry: left, right, rank + 1 (0 marks a free entry), merged id. */
  readonly #entries: Int32Array;

  /** Makes an empty table for up to `size` pairs. */
  constructor(size: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(8, 2 * size)));
    this.#mask = slots - 1;
    this.#entries = new Int32Array(4 * slots);
  }

  #slotOf(left: number, right: number): number {
    let slot = (Math.imul(left, SPREAD_LEFT) ^ Math.imul(right, SPREAD_RIGHT)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (this.#entries[4 * slot + 2] !== 0 && (this.#entries[4 * slot] !== left || this.#entries[4 * slot + 1] !== right))
      slot = (slot + 1) & this.#mask;
    return 4 * slot;
  }

  /** Sets the rank of a pair and what it merges into; the last call for a pair wins. */
  set(left: number, right: number, rank: number, merged: number): void {
    this.#entries.set([left, right, rank + 1, merged], this.#slotOf(left, right));
  }

  /** The rank of a pair, −1 where it does not merge. */
  rank(left: number, right: number): number {
    return this.#entries[this.#slotOf(left, right) + 2]! - 1;
  }

  /** What a pair merges into; meaningless where `rank` is −1. */
  merged(left: number, right: number): number {
    return this.#entries[this.#slotOf(left, right) + 3]!;
  }
}
