import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import type { SummedInput } from '../calibration/index.js';
import { readStatistic, StatisticFileError } from '../transport/index.js';
import { shareStatistics } from './expert-statistics.js';
import { KEPT_DIRECTORY, type KeptFile, type KeptStatistics } from './kept-statistics.js';
import type { SolvingRun } from './solving-run.js';
import { packedBytes, type InputStatistics, type PackedStatistic } from './statistics.js';

/** Where kept statistics lie. */
export interface KeptPlace {
  /** The output whose `statistics` directory is read. */
  readonly directory: string;
  readonly kept: KeptStatistics;
}

/** What loading needs of a run. */
export type LoadingRun = Pick<SolvingRun, 'model' | 'plan' | 'statisticBytes'>;

const readPacked = async (directory: string, { file, sha256, bytes: _, rows: __, ...expected }: KeptFile): Promise<PackedStatistic> => {
  const path = join(directory, KEPT_DIRECTORY, file);
  const { meaning, panels } = await readStatistic(path, sha256);
  if (!isDeepStrictEqual(meaning, expected))
    throw new StatisticFileError(path, 'its metadata says otherwise than statistics.json does. One of the two was changed.');
  const { kind, n, tokens } = meaning;
  return { kind, n, tokens, panels };
};

/** Files of a block that something corrected reads, and those of all experts. */
const filesOf = ({ plan }: LoadingRun, block: number, { files }: KeptStatistics): KeptFile[] => {
  const shards = [...plan.shards[block]!, ...(plan.experts?.shards[block] ?? [])];
  const read = new Set(shards.filter(({ layer }) => plan.corrects(layer)).map(({ layer }) => layer.input));
  return files.filter((file) => file.block === block && (read.has(file.input) || (plan.experts?.asked && file.rows !== undefined)));
};

/**
 * Reads a block's kept sums as calibrating it would have given them; experts with too few tokens for the run's rank take the
 * sum of all.
 *
 * @throws StatisticFileError QL_STATISTIC_FILE naming the file that is missing, damaged or changed
 */
export const loadStatistics = async (run: LoadingRun, { directory, kept }: KeptPlace, block: number): Promise<InputStatistics[]> => {
  const files = filesOf(run, block, kept);
  const sums: SummedInput[] = [];
  const statistics: InputStatistics[] = [];
  const load = async (file: KeptFile): Promise<PackedStatistic> => {
    const statistic = await readPacked(directory, file);
    run.statisticBytes.hold(packedBytes(statistic));
    return statistic;
  };
  for (const file of files.filter(({ split }) => split === 'calibration')) {
    const heldOut = files.find(({ input, split }) => input === file.input && split === 'heldOut');
    const { input, n, rows } = file;
    sums.push({ input, width: n, residual: undefined, ...(rows && { rows }) });
    statistics.push({ input, calibration: await load(file), heldOut: heldOut && (await load(heldOut)) });
  }
  const mixture = run.model.mixture?.(block);
  return mixture ? shareStatistics(sums, statistics, mixture.inputs, run.plan.rank, run.statisticBytes) : statistics;
};
