import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Split, SummedInput } from '../calibration/index.js';
import { writing } from '../foundation/index.js';
import { hashFile, readRecord, sealFiles, writeRecord } from '../journal/index.js';
import { readStatistic, writeStatistic, type StatisticMeaning } from '../transport/index.js';
import type { BlockProgress } from './calibrate-block.js';
import type { CalibratedRun } from './calibrated-run.js';
import type { BlockRouting } from './routing-counts.js';
import type { ClockReading } from './run-clock.js';
import type { RunningSums } from './statistics.js';

/** Where a run goes on: segments with a sequence number below `passed` have passed `block`, the others are before it. */
export interface RunPosition {
  readonly block: number;
  readonly passed: number;
  /** What was summed in the block so far; undefined where it is finished, or not begun. */
  readonly sums?: RunningSums | undefined;
}

/** How checkpoints are made. */
export interface CheckpointOptions {
  /** Directory for the record. */
  readonly workDirectory: string;
  /** Directory that the run's hidden states are in, for the sums. */
  readonly scratchDirectory: string;
  /** Least seconds between two checkpoints; 0 makes one after each segment. They take a twentieth of the time at most. */
  readonly seconds: number;
  /** True for a block of which nothing is left to do. */
  readonly isFinished: (block: number) => boolean;
  /** Told of each file whose bytes are not what was written, or that is gone. */
  readonly onDamaged: (file: string) => void;
}

interface KeptSum {
  readonly split: Split;
  /** Place among the block's summed inputs. */
  readonly index: number;
  readonly tokens: number;
  readonly file: string;
  readonly sha256: string;
}

interface Checkpoint {
  /** Counts the checkpoints of all attempts: a new one never writes to files of the last. */
  readonly number: number;
  readonly block: number;
  readonly passed: number;
  /** SHA-256 of each segment's hidden states, by sequence number. */
  readonly hidden: readonly string[];
  /** Inputs that are summed in the block; 0 where the block was finished. */
  readonly inputs: number;
  readonly sums: readonly KeptSum[];
  readonly routing: readonly (readonly [block: number, routing: BlockRouting])[];
  readonly clock: ClockReading;
}

const RECORD = 'checkpoint.json';

/** Checkpoints take at most this part of the time. */
const LARGEST_SHARE = 1 / 20;

const SPLITS = ['calibration', 'heldOut'] as const;

/**
 * Keeps on the disk how far a run has come through a block, so that a kill loses no more than the time between two checkpoints.
 *
 * A checkpoint is the hidden states at two block boundaries, the sums over the segments that have passed, and a record that names
 * their files with SHA-256. When one is made follows the clock; what the run computes does not depend on it.
 */
export class RunCheckpoints {
  #last = performance.now();
  #lastSeconds = 0;
  #number = 0;
  #sealed = new Map<string, string>();
  #sumFiles: string[] = [];
  #ready: Promise<void> = Promise.resolve();

  constructor(
    private readonly run: CalibratedRun,
    private readonly options: CheckpointOptions,
  ) {}

  /**
   * Finds where an earlier attempt left the run, and puts the hidden states there.
   *
   * @returns undefined where the run begins with the embedding
   * @throws JournalError QL_JOURNAL_READ
   */
  async restore(): Promise<RunPosition | undefined> {
    const path = join(this.options.workDirectory, RECORD);
    const record = await readRecord(path);
    const checkpoint = record === undefined || record === 'damaged' ? undefined : (record.value as Checkpoint);
    if (record === 'damaged') this.options.onDamaged(path);
    const position = checkpoint && (await this.#check(checkpoint));
    if (!position) await writing(path, () => rm(path, { force: true }));
    await this.#removeOthers(position ? checkpoint : undefined);
    if (!position) return undefined;
    this.#number = checkpoint.number;
    this.#sumFiles = checkpoint.sums.map(({ file }) => file);
    this.run.routing.restore(checkpoint.routing);
    this.run.propagation.resumeAt(checkpoint.block, checkpoint.passed);
    await this.run.propagation.keep(this.#boundaries(checkpoint));
    const through = checkpoint.passed === this.run.propagation.segments.length && this.options.isFinished(checkpoint.block);
    return through ? { block: checkpoint.block + 1, passed: 0 } : position;
  }

  /** Watches a block on its way from where the run goes on, or from its beginning. */
  progressOf(block: number, from: RunPosition | undefined, sums: readonly SummedInput[]): BlockProgress {
    const here = from?.block === block ? from : undefined;
    return {
      passed: here?.passed ?? 0,
      sums: here?.sums,
      ready: () => this.#ready,
      folded: async (passed, totals) => {
        if (this.#isDue()) await this.#commit(block, passed, { totals, sums });
      },
    };
  }

  /** Notes that a block is passed and solved. */
  async finished(block: number): Promise<void> {
    if (this.#isDue()) await this.#commit(block, this.run.propagation.segments.length, undefined);
  }
}
