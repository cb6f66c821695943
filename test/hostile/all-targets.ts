import { configTarget, headerTarget, indexTarget } from './checkpoint-targets.js';
import type { HostileTarget } from './hostile-target.js';
import { keptStatisticsTarget, statisticTarget } from './kept-targets.js';
import { adapterTarget, chunkTarget, hiddenStatesTarget, reportTarget } from './result-targets.js';
import { tokenizerTargets } from './tokenizer-targets.js';

/** Every reader of files that strangers write, ready to open hostile ones in a scratch directory of its own. */
export const allTargets = async (scratch: string): Promise<readonly HostileTarget[]> => [
  await headerTarget(scratch),
  configTarget(scratch),
  ...(await tokenizerTargets(scratch)),
  await adapterTarget(scratch),
  indexTarget(scratch),
  reportTarget(scratch),
  chunkTarget(),
  await hiddenStatesTarget(scratch),
  await keptStatisticsTarget(scratch),
  await statisticTarget(scratch),
];
