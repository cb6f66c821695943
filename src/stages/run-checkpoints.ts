import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Split, SummedInput } from '../calibration/index.js';
import { syncDirectory, writing } from '../foundation/index.js';
import { readRecord, sealFiles, writeRecord } from '../journal/index.js';
import { readStatistic, StatisticFileError, writeStatistic, type StatisticMeaning } from '../transport/index.js';
import type { BlockProgress } from './calibrate-block.js';
import type { CalibratedRun } from './calibrated-run.js';
import type { BlockRouting } from './routing-counts.js';
import type { ClockReading } from './run-clock.js';
import type { RunningSum, RunningSums } from './statistics.js';

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
  readonly routing: readonly BlockRouting[];
  readonly clock: ClockReading;
}

type Place = Pick<RunPosition, 'block' | 'passed'>;

/** What is summed in a block, and what the sums are so far. */
interface Summed {
  readonly sums: readonly SummedInput[];
  readonly totals: RunningSums;
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
  #reading: ClockReading | undefined;

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
    this.#reading = checkpoint?.clock;
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

  /** What the clock showed at the last checkpoint that was found, usable or not. */
  get reading(): ClockReading | undefined {
    return this.#reading;
  }

  /** Settles when no checkpoint is being written, whether the last one came to its end or not. */
  settled(): Promise<void> {
    return this.#ready;
  }

  /** Watches a block on its way from where the run goes on, or from its beginning. */
  progressOf(block: number, from: RunPosition | undefined): BlockProgress {
    const here = from?.block === block ? from : undefined;
    return {
      passed: here?.passed ?? 0,
      sums: here?.sums,
      ready: () => this.#ready,
      folded: async (passed, sums, totals) => {
        if (this.#isDue()) await this.#commit(block, passed, { totals, sums });
      },
    };
  }

  /** Notes that a block is passed and solved. */
  async finished(block: number): Promise<void> {
    if (this.#isDue()) await this.#commit(block, this.run.propagation.segments.length, undefined);
  }

  #isDue(): boolean {
    const { seconds } = this.options;
    const wait = seconds === 0 ? 0 : Math.max(seconds, this.#lastSeconds / LARGEST_SHARE);
    return performance.now() - this.#last >= 1000 * wait;
  }

  /** Blocks after which hidden states are needed to go on: those of segments that have passed, and of the others. */
  #boundaries({ block, passed }: Place): number[] {
    const { length } = this.run.propagation.segments;
    return [...(passed > 0 ? [block] : []), ...(passed < length ? [block - 1] : [])];
  }

  #hiddenFiles({ block, passed }: Place): string[] {
    const { propagation } = this.run;
    return propagation.segments.map((segment, sequence) => propagation.fileAfter(segment, sequence < passed ? block : block - 1)!);
  }

  /** No segment is begun while this goes on, so that partial sums do not gather. */
  async #commit(block: number, passed: number, summed: Summed | undefined): Promise<void> {
    const begin = performance.now();
    // Segments that are on their way may pass meanwhile; their files are read until the record is written.
    this.run.propagation.alsoKeep(this.#boundaries({ block, passed }));
    const commit = this.#write(block, passed, summed);
    this.#ready = commit.catch(() => undefined);
    await commit;
    this.#last = performance.now();
    this.#lastSeconds = (this.#last - begin) / 1000;
    this.run.clock.add('checkpoint', this.#lastSeconds);
  }

  async #write(block: number, passed: number, summed: Summed | undefined): Promise<void> {
    const { run, options } = this;
    const number = ++this.#number;
    const sums = summed ? await this.#writeSums(number, block, summed) : [];
    const files = this.#hiddenFiles({ block, passed });
    const unsealed = files.filter((file) => !this.#sealed.has(file));
    const hashes = await sealFiles(run.pool, unsealed);
    const sealed = new Map([...this.#sealed, ...unsealed.map((file, i) => [file, hashes[i]!] as const)]);
    this.#sealed = new Map(files.map((file) => [file, sealed.get(file)!]));
    await syncDirectory(options.scratchDirectory);
    const checkpoint: Checkpoint = {
      ...{ number, block, passed, sums },
      hidden: [...this.#sealed.values()],
      inputs: summed?.sums.length ?? 0,
      routing: run.routing.entries(),
      clock: run.clock.read(),
    };
    await writeRecord(join(options.workDirectory, RECORD), checkpoint);
    await run.propagation.keep(this.#boundaries(checkpoint));
    const replaced = this.#sumFiles;
    this.#sumFiles = sums.map(({ file }) => file);
    for (const file of replaced) await rm(join(options.scratchDirectory, file), { force: true });
  }

  async #writeSums(number: number, block: number, { totals, sums }: Summed): Promise<KeptSum[]> {
    const kept: KeptSum[] = [];
    for (const split of SPLITS)
      for (const [index, { panels, tokens }] of totals[split].entries()) {
        if (!panels) continue;
        const file = `sums-${number}-${index}-${split}.arrow`;
        const meaning = this.#meaningOf(block, split, sums[index]!, tokens);
        const { sha256 } = await writeStatistic(join(this.options.scratchDirectory, file), meaning, panels);
        kept.push({ split, index, tokens, file, sha256 });
      }
    return kept;
  }

  #meaningOf(block: number, split: Split, { input, width, residual }: SummedInput, tokens: number): StatisticMeaning {
    const { plan } = this.run;
    const shards = [...plan.shards[block]!, ...(plan.experts?.shards[block] ?? [])];
    const modules = shards.filter(({ layer }) => layer.input === input && plan.corrects(layer)).map(({ layer }) => layer.module);
    const meaning = { block, input, split, n: residual?.rows ?? width, tokens, modules };
    return residual ? { ...meaning, kind: 'G', quantizer: plan.quantizer.self.name } : { ...meaning, kind: 'H' };
  }

  /** Reads what a checkpoint names. @returns undefined where it can't be gone on from */
  async #check(checkpoint: Checkpoint): Promise<RunPosition | undefined> {
    const { block, passed } = checkpoint;
    const { isFinished, onDamaged } = this.options;
    // A part of an earlier block was damaged: its statistics are gone, so the way begins anew.
    for (let before = 0; before < block; before++) if (!isFinished(before)) return undefined;
    const files = this.#hiddenFiles(checkpoint);
    const hashes = await sealFiles(this.run.pool, files);
    const damaged = files.filter((_, i) => hashes[i] !== checkpoint.hidden[i]);
    damaged.forEach(onDamaged);
    if (damaged.length > 0) return undefined;
    this.#sealed = new Map(files.map((file, i) => [file, hashes[i]!]));
    if (isFinished(block)) return { block, passed };
    const sums = passed > 0 ? await this.#readSums(checkpoint) : undefined;
    return passed > 0 && !sums ? undefined : { block, passed, sums };
  }

  async #readSums({ inputs, sums }: Checkpoint): Promise<RunningSums | undefined> {
    // The block was finished when this was written, and is not any more.
    if (inputs === 0) return undefined;
    const zeros = (): RunningSum[] => Array.from({ length: inputs }, () => ({ panels: undefined, tokens: 0 }));
    const totals = { calibration: zeros(), heldOut: zeros() };
    for (const { split, index, tokens, file, sha256 } of sums) {
      const path = join(this.options.scratchDirectory, file);
      try {
        totals[split][index] = { panels: (await readStatistic(path, sha256)).panels, tokens };
      } catch (error) {
        if (!(error instanceof StatisticFileError)) throw error;
        this.options.onDamaged(path);
        return undefined;
      }
    }
    return totals;
  }

  /** Removes what attempts left in the scratch directory that this one can't use. */
  async #removeOthers(checkpoint: Checkpoint | undefined): Promise<void> {
    const { scratchDirectory } = this.options;
    const used = new Set(
      checkpoint ? [...this.#hiddenFiles(checkpoint), ...checkpoint.sums.map(({ file }) => join(scratchDirectory, file))] : [],
    );
    await writing(scratchDirectory, async () => {
      for (const name of await readdir(scratchDirectory)) {
        const path = join(scratchDirectory, name);
        if (!used.has(path)) await rm(path, { recursive: true, force: true });
      }
    });
  }
}
