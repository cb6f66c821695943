import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SummedInput } from '../calibration/index.js';
import { writeFileAtomically, writing } from '../foundation/index.js';
import { writeStatistic } from '../transport/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import { KEPT_DIRECTORY, KEPT_INDEX, type KeptFile, type KeptStatistics } from './kept-statistics.js';
import type { InputStatistics, PackedStatistic } from './statistics.js';

/** Takes the sums of each block, before experts share any, and writes them to an output. */
export interface StatisticsKeeper {
  /** What was kept so far, in the order of the blocks. */
  readonly files: readonly KeptFile[];
  /** Writes a block's sums; `sums` says what they are of, in the same order. */
  keep(block: number, sums: readonly SummedInput[], statistics: readonly InputStatistics[]): Promise<void>;
  /** Writes the index, which makes what was kept usable. */
  finish(index: Omit<KeptStatistics, 'files'>): Promise<void>;
}

/** Modules that a sum serves: those that read the input; of a G, the one whose residual it went through. */
const modulesOf = (plan: CorrectionPlan, block: number, { input, residual }: SummedInput): string[] =>
  [...plan.shards[block]!, ...(plan.experts?.shards[block] ?? [])]
    .filter(({ layer }) => layer.input === input && (!residual || plan.corrects(layer)))
    .map(({ layer }) => layer.module);

/**
 * Opens DIRECTORY/statistics.
 *
 * @param plan says which modules read what, and names the quantizer of a G
 * @throws FileWriteError from each call
 */
export const openStatisticsKeeper = async (directory: string, plan: CorrectionPlan): Promise<StatisticsKeeper> => {
  const place = join(directory, KEPT_DIRECTORY);
  await writing(place, () => mkdir(place, { recursive: true }));
  const files: KeptFile[] = [];
  const write = async (block: number, sum: SummedInput, split: KeptFile['split'], statistic: PackedStatistic): Promise<void> => {
    const { kind, n, tokens, panels } = statistic;
    const file = `block-${block}.${sum.input}.${split === 'heldOut' ? 'held-out' : split}.arrow`;
    const meaning = {
      ...{ block, input: sum.input, split, kind, n, tokens, modules: modulesOf(plan, block, sum) },
      ...(kind === 'G' && { quantizer: plan.quantizer.self.name }),
    };
    const written = await writeStatistic(join(place, file), meaning, panels);
    files.push({ file, ...meaning, ...(sum.rows && { rows: sum.rows }), ...written });
  };
  return {
    files,
    keep: async (block, sums, statistics) => {
      for (const [i, { calibration, heldOut }] of statistics.entries()) {
        await write(block, sums[i]!, 'calibration', calibration);
        if (heldOut) await write(block, sums[i]!, 'heldOut', heldOut);
      }
    },
    finish: (index) => writeFileAtomically(join(place, KEPT_INDEX), `${JSON.stringify({ ...index, files }, null, 2)}\n`),
  };
};
