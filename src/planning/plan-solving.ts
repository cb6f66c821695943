import { chooseLayout, layoutOf, STOCK_FLOATS } from './choose-layout.js';
import type { ExecutionPlan } from './execution-plan.js';
import { RESERVE } from './memory-costs.js';
import { MACHINE_SHARE, type PlanRequest } from './plan-execution.js';
import { heaviestStage, planStages } from './plan-stages.js';
import type { RunShape } from './run-shape.js';

/** What a run that solves from kept sums is planned from. */
export interface SolvingRequest extends Pick<PlanRequest, 'run' | 'budgetBytes' | 'workers'> {
  readonly machine: Pick<PlanRequest['machine'], 'cores' | 'memoryBytes'>;
}

/** What such a run holds, and how it is laid out; its disks are not looked at. */
export type SolvingPlan = Pick<
  ExecutionPlan,
  'layout' | 'peakBytes' | 'peakAt' | 'smallestBudgetBytes' | 'budgetBytes' | 'machineBytes' | 'disks' | 'advice'
>;

const CALIBRATING: readonly string[] = ['embed', 'calibrate', 'pilot'];

const heaviest = (run: RunShape): ReturnType<typeof heaviestStage> =>
  heaviestStage(planStages(run).filter(({ stage }) => !CALIBRATING.includes(stage)));

/** Plans a run without its calibration: sums are read from the disk, some MiB at a time, and one block's are held. Pure. */
export const planSolving = ({ run: open, budgetBytes, workers: asked, machine }: SolvingRequest): SolvingPlan => {
  const { cores, memoryBytes } = machine;
  const limitBytes = budgetBytes === undefined ? MACHINE_SHARE * memoryBytes : budgetBytes / RESERVE;
  const floats = STOCK_FLOATS;
  const bytesOf = (run: RunShape): number => heaviest(run).totalBytes;
  const layout = chooseLayout({ ...open, floats }, { cores, asked, limitBytes }, bytesOf);
  const peak = heaviest({ ...open, floats, layout });
  const smallestBudgetBytes = Math.ceil(RESERVE * bytesOf({ ...open, floats, layout: layoutOf(1, cores) }));
  const least = Math.ceil(smallestBudgetBytes / 2 ** 20).toLocaleString('en-US');
  const fits = RESERVE * peak.totalBytes <= (budgetBytes ?? memoryBytes);
  return {
    ...{ layout, peakBytes: peak.totalBytes, smallestBudgetBytes, budgetBytes: budgetBytes ?? null, machineBytes: memoryBytes },
    peakAt: peak.blockKind === undefined ? peak.stage : `${peak.stage} ${peak.blockKind}`,
    disks: [],
    advice: fits ? [] : [`At least ${least} MiB would do${layout.workers > 1 ? ', with --workers 1' : ''}, on a machine that has it.`],
  };
};
