import type { CorrectionOutput } from './correction-output.js';
import type { StatisticsKeeper } from './keep-statistics.js';
import type { WeightShard } from './shard.js';
import { wantedShards } from './solve-block.js';
import type { SolvingRun } from './solving-run.js';

/** What earlier attempts at a run left. */
export interface RestoredOutput {
  readonly run: Pick<SolvingRun, 'model' | 'plan'>;
  readonly output: Pick<CorrectionOutput, 'finished'>;
  /** Left out where no statistics are kept. */
  readonly keeper?: Pick<StatisticsKeeper, 'has'> | undefined;
  /** True where layers that get no correction are written too, quantized. */
  readonly everyLayer: boolean;
}

/** Blocks in which a layer is left to solve or to quantize, or whose sums are left to keep. */
export const unfinishedBlocks = ({ run, output, keeper, everyLayer }: RestoredOutput): Set<number> => {
  const blocks = Array.from({ length: run.model.blocks }, (_, block) => block);
  const isLeft = ({ layer }: WeightShard): boolean => !output.finished.has(layer.module);
  return new Set(blocks.filter((block) => keeper?.has(block) === false || wantedShards(run.plan, block, everyLayer).some(isLeft)));
};

/** Says how far earlier attempts came. */
export const describeRestored = ({ run, output, everyLayer }: RestoredOutput, unfinished: ReadonlySet<number>): string => {
  const { blocks } = run.model;
  const [first] = unfinished;
  const layers = first === undefined ? [] : wantedShards(run.plan, first, everyLayer);
  const solved = layers.filter(({ layer }) => output.finished.has(layer.module)).length;
  const inside = solved > 0 ? `, and ${solved} of the ${layers.length} layers of block ${first! + 1}` : '';
  return `${blocks - unfinished.size} of ${blocks} blocks were done${inside}; going on from there.`;
};
