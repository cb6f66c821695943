import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SummedInput } from '../calibration/index.js';
import { writeFileAtomically, writing } from '../foundation/index.js';
import { readRecord, sealFiles, writeRecord } from '../journal/index.js';
import type { WorkerPool } from '../runtime/index.js';
import { writeStatistic } from '../transport/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import { KEPT_DIRECTORY, KEPT_INDEX, type KeptFile, type KeptStatistics } from './kept-statistics.js';
import type { InputStatistics, PackedStatistic } from './statistics.js';

/** Takes the sums of each block, before experts share any, and writes them to an output. */
export interface StatisticsKeeper {
  /** What was kept so far, by earlier attempts too, in the order of the blocks. */
  readonly files: readonly KeptFile[];
  /** True for a block whose sums are on the disk, by this attempt or an earlier one. */
  has(block: number): boolean;
  /** Writes a block's sums, unless they are there; `sums` says what they are of, in the same order. */
  keep(block: number, sums: readonly SummedInput[], statistics: readonly InputStatistics[]): Promise<void>;
  /** Writes the index, which makes what was kept usable. */
  finish(index: Omit<KeptStatistics, 'files'>): Promise<void>;
  /** Settles when no sums are being written, whether the last ones came to their end or not. */
  settled(): Promise<void>;
}

/** Where statistics are kept, and what is known of them. */
export interface KeeperOptions {
  /** Output that gets statistics/. */
  readonly directory: string;
  /** Says which modules read what, and names the quantizer of a G. */
  readonly plan: CorrectionPlan;
  /** Directory for a record of each block that is kept; those that an earlier attempt left there are taken over. */
  readonly workDirectory: string;
  /** Hashes the files of earlier attempts. */
  readonly pool: WorkerPool;
  /** Told of each file whose bytes are not what was written, or that is gone; its block is not kept then. */
  readonly onDamaged: (file: string) => void;
}

/** Modules that a sum serves: those that read the input; of a G, the one whose residual it went through. */
const modulesOf = (plan: CorrectionPlan, block: number, { input, residual }: SummedInput): string[] =>
  [...plan.shards[block]!, ...(plan.experts?.shards[block] ?? [])]
    .filter(({ layer }) => layer.input === input && (!residual || plan.corrects(layer)))
    .map(({ layer }) => layer.module);

const recordOf = ({ workDirectory }: KeeperOptions, block: number): string => join(workDirectory, `kept-${block}.json`);

/** What earlier attempts kept of a block; undefined where that is nothing, or not whole. */
const restoreBlock = async (options: KeeperOptions, block: number): Promise<readonly KeptFile[] | undefined> => {
  const { directory, pool, onDamaged } = options;
  const record = await readRecord(recordOf(options, block));
  if (record === undefined) return undefined;
  if (record === 'damaged') {
    onDamaged(recordOf(options, block));
    return undefined;
  }
  const files = record.value as readonly KeptFile[];
  const paths = files.map(({ file }) => join(directory, KEPT_DIRECTORY, file));
  const hashes = await sealFiles(pool, paths);
  const damaged = paths.filter((_, i) => hashes[i] !== files[i]!.sha256);
  damaged.forEach(onDamaged);
  return damaged.length > 0 ? undefined : files;
};

const writeSum = async (
  { directory, plan }: KeeperOptions,
  block: number,
  sum: SummedInput,
  split: KeptFile['split'],
  { kind, n, tokens, panels }: PackedStatistic,
): Promise<KeptFile> => {
  const file = `block-${block}.${sum.input}.${split === 'heldOut' ? 'held-out' : split}.arrow`;
  const meaning = {
    ...{ block, input: sum.input, split, kind, n, tokens, modules: modulesOf(plan, block, sum) },
    ...(kind === 'G' && { quantizer: plan.quantizer.self.name }),
  };
  const written = await writeStatistic(join(directory, KEPT_DIRECTORY, file), meaning, panels);
  return { file, ...meaning, ...(sum.rows && { rows: sum.rows }), ...written };
};

/**
 * Opens DIRECTORY/statistics, and takes over what earlier attempts at the same run kept whole.
 *
 * @throws JournalError QL_JOURNAL_READ; FileWriteError, also from each call
 */
export const openStatisticsKeeper = async (options: KeeperOptions): Promise<StatisticsKeeper> => {
  const place = join(options.directory, KEPT_DIRECTORY);
  await writing(place, () => mkdir(place, { recursive: true }));
  const kept = new Map<number, readonly KeptFile[]>();
  for (const block of options.plan.shards.keys()) {
    const files = await restoreBlock(options, block);
    if (files) kept.set(block, files);
  }
  const allFiles = (): KeptFile[] => [...kept].sort(([a], [b]) => a - b).flatMap(([, files]) => files);
  let last: Promise<void> = Promise.resolve();
  const keepBlock = async (...[block, sums, statistics]: Parameters<StatisticsKeeper['keep']>): Promise<void> => {
    const files: KeptFile[] = [];
    for (const [i, { calibration, heldOut }] of statistics.entries()) {
      files.push(await writeSum(options, block, sums[i]!, 'calibration', calibration));
      if (heldOut) files.push(await writeSum(options, block, sums[i]!, 'heldOut', heldOut));
    }
    await writeRecord(recordOf(options, block), files);
    kept.set(block, files);
  };
  return {
    get files() {
      return allFiles();
    },
    has: (block) => kept.has(block),
    keep: (block, sums, statistics) => {
      const work = kept.has(block) ? Promise.resolve() : keepBlock(block, sums, statistics);
      last = work.catch(() => undefined);
      return work;
    },
    settled: () => last,
    finish: (index) => writeFileAtomically(join(place, KEPT_INDEX), `${JSON.stringify({ ...index, files: allFiles() }, null, 2)}\n`),
  };
};
