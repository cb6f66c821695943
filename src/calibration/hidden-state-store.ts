import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HiddenStates } from './propagate.task.js';
import type { Segment } from './segments.js';

/** How much of the hidden states stays in memory, and where the rest goes. */
export interface HiddenStateBudget {
  /** Bytes of hidden states kept in memory; whole segments beyond it are written to files. */
  readonly bytes: number;
  /** Scratch directory for those files; it must exist. */
  readonly directory: string;
}

/** Keeps the hidden states of every segment between two blocks: in memory up to a budget, the others in Arrow IPC files. */
export class HiddenStateStore {
  private readonly states = new Map<Segment, HiddenStates>();
  private readonly spilled = new Set<Segment>();
  /** Files that were put and not forgotten. */
  private readonly files = new Set<string>();

  /** Decides which segments go through files. @param hiddenSize features of one token */
  constructor(
    segments: readonly Segment[],
    hiddenSize: number,
    private readonly budget: HiddenStateBudget,
  ) {
    let bytes = 0;
    for (const segment of segments) {
      bytes += 4 * segment.tokens * hiddenSize;
      if (bytes > budget.bytes) this.spilled.add(segment);
    }
  }

  /** Number of segments that go through files. */
  get spilledSegments(): number {
    return this.spilled.size;
  }

  /** File that the segment's hidden states go to when it leaves a block (-1: the embedding), or undefined when they stay in memory. */
  spillPath(segment: Segment, block: number): string | undefined {
    if (!this.spilled.has(segment)) return undefined;
    return join(this.budget.directory, `hidden-${segment.split}-${segment.index}-after-${block}.arrow`);
  }

  /** Removes the files of hidden states that left a block. */
  async forget(block: number): Promise<void> {
    for (const segment of this.spilled) {
      const file = this.spillPath(segment, block)!;
      await rm(file, { force: true });
      this.files.delete(file);
    }
  }

  /** Takes a segment's hidden states out, to be moved through a block. */
  take(segment: Segment): HiddenStates {
    const states = this.states.get(segment);
    if (!states)
      throw new RangeError(`Segment ${segment.index} of ${segment.split} has no hidden states: it was taken twice or never put.`);
    this.states.delete(segment);
    return states;
  }

  /** Puts a segment's hidden states back. */
  put(segment: Segment, states: HiddenStates): void {
    this.states.set(segment, states);
    if ('file' in states) this.files.add(states.file);
  }

  /** Bytes held in memory now. */
  residentBytes(): number {
    let bytes = 0;
    for (const states of this.states.values()) if ('values' in states) bytes += states.values.byteLength;
    return bytes;
  }

  /** Drops everything, files included. */
  async clear(): Promise<void> {
    this.states.clear();
    for (const file of this.files) await rm(file, { force: true });
    this.files.clear();
  }
}
