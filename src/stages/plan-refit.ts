import { availableParallelism } from 'node:os';
import { planSolving, type SolvingPlan } from '../planning/index.js';
import { describeModel } from './describe-model.js';
import type { RefitJob } from './jobs.js';
import type { KeptStatistics } from './kept-statistics.js';
import { machineMemory } from './machine-memory.js';
import type { ChosenRefit } from './refit-run.js';
import { solveShape } from './solve-shape.js';
import { askedWorkers } from './worker-layout.js';

/** Plans what a refit holds on this machine, and with how many workers: a block is solved as in the run that kept its sums. */
export const planRefit = (job: RefitJob, { plan, choice, initializer, ...source }: ChosenRefit, kept: KeptStatistics): SolvingPlan => {
  const { calibrationTokens, heldOutTokens, windowTokens } = kept.facts;
  return planSolving({
    run: {
      model: describeModel(
        source,
        plan,
        kept.files.some(({ kind }) => kind === 'G'),
      ),
      solve: solveShape(initializer.self, choice),
      ...{ calibrationTokens, heldOutTokens, windowTokens, arithmetic: 'f32', writeBase: job.writeBase },
    },
    ...{ budgetBytes: job.maxMemoryBytes, workers: askedWorkers(job) },
    machine: { cores: availableParallelism(), memoryBytes: machineMemory() },
  });
};
