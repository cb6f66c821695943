import { adviseOnDisk, adviseOnMemory } from './advise.js';
import { chooseFloats, chooseLayout, layoutOf, LEANEST_FLOATS, peakOf, type OpenRun } from './choose-layout.js';
import { countDiskBytes } from './count-disk-bytes.js';
import { addUp, countOperations } from './count-operations.js';
import { estimateSeconds } from './estimate-seconds.js';
import type {
  DiskNeed,
  ExecutionPlan,
  FloatChoices,
  MachineSpeed,
  Operations,
  PlannedPilot,
  PlannedTokens,
  TokenTime,
} from './execution-plan.js';
import { RESERVE } from './memory-costs.js';
import { planPilot } from './plan-pilot.js';
import { heaviestStage, planStages } from './plan-stages.js';
import type { RunShape } from './run-shape.js';

/** Part of the machine's memory that a run without a budget may take when its workers are chosen. */
export const MACHINE_SHARE = 0.8;

/** Numbers of calibration tokens that times are given for besides the chosen one. */
const TIMED_TOKENS = [32_768, 65_536];

/** Free space of a place that a run writes to. */
export interface FreeSpace {
  readonly directory: string;
  /** Equal for places on one disk. */
  readonly device: number;
  readonly freeBytes: number;
}

/** What a plan follows from. */
export interface PlanRequest {
  /** The model as it was named. */
  readonly name: string;
  readonly run: OpenRun;
  readonly tokenSource: PlannedTokens['source'];
  readonly budgetBytes: number | undefined;
  readonly workers: number | undefined;
  readonly keepsStatistics: boolean;
  /** Where they were chosen before, for all tokens that were considered; they stay. */
  readonly floats?: FloatChoices | undefined;
  readonly machine: {
    readonly cores: number;
    readonly memoryBytes: number;
    /** Free when the plan is made; it is shown, and decides nothing. */
    readonly availableBytes?: number;
    readonly speed: MachineSpeed | undefined;
  };
  readonly disks: { readonly scratch: FreeSpace; readonly output: FreeSpace };
}

/** Needs of the places, those on one disk as one. */
const diskNeeds = ({ scratch, output }: PlanRequest['disks'], bytes: { readonly scratch: number; readonly output: number }): DiskNeed[] => {
  const need = ({ directory, freeBytes }: FreeSpace, neededBytes: number): DiskNeed => ({ directory, neededBytes, freeBytes });
  if (scratch.device === output.device) return [need(output, bytes.scratch + bytes.output)];
  return [need(scratch, bytes.scratch), need(output, bytes.output)];
};

/** The same run with another number of calibration tokens, the held-out ones in proportion; those of a pilot stay. */
const withTokens = (run: RunShape, tokens: number): RunShape => ({
  ...run,
  calibrationTokens: tokens,
  heldOutTokens: run.pilot ? run.heldOutTokens : Math.round((run.heldOutTokens * tokens) / Math.max(1, run.calibrationTokens)),
});

/** Operations of a run and of its pilot. */
const operationsOf = (run: RunShape): Operations =>
  addUp(
    [countOperations(run), ...(planPilot(run)?.parts ?? []).map(({ operations }) => operations)].map((operations) => ({
      operations,
      times: 1,
    })),
  );

const plannedPilot = (run: RunShape, speed: MachineSpeed | undefined): PlannedPilot | undefined => {
  const planned = planPilot(run);
  if (!run.pilot || !planned) return undefined;
  const { blocks, points } = planned;
  const seconds = speed ? estimateSeconds(operationsOf(run), speed) - estimateSeconds(countOperations(run), speed) : null;
  return { ...run.pilot, blocks, points, seconds };
};

const timesOf = (run: RunShape, speed: MachineSpeed | undefined): TokenTime[] =>
  speed
    ? [...new Set([...TIMED_TOKENS, run.calibrationTokens])]
        .filter((tokens) => tokens <= (run.pilot?.consideredTokens ?? Infinity))
        .sort((a, b) => a - b)
        .map((tokens) => ({ tokens, seconds: estimateSeconds(operationsOf(withTokens(run, tokens)), speed) }))
    : [];

/**
 * Plans a run: its chunks from the budget, its layout from what fits, and what it needs then.
 *
 * Pure: sizes in, a plan out. A plan that does not fit says so (`fits`, `advice`); whoever runs refuses it.
 */
export const planExecution = (request: PlanRequest): ExecutionPlan => {
  const { name, run: open, budgetBytes, machine, workers: asked } = request;
  const limitBytes = budgetBytes === undefined ? MACHINE_SHARE * machine.memoryBytes : budgetBytes / RESERVE;
  const floats = request.floats ?? chooseFloats(open, budgetBytes === undefined ? undefined : limitBytes);
  const layout = chooseLayout({ ...open, floats }, { cores: machine.cores, asked, limitBytes });
  const run: RunShape = { ...open, floats, layout };
  const stages = planStages(run);
  const peak = heaviestStage(stages);
  const smallestBudgetBytes = Math.ceil(
    RESERVE * peakOf({ ...open, floats: { ...LEANEST_FLOATS, arithmetic: open.arithmetic }, layout: layoutOf(1, 1) }),
  );
  const bytes = countDiskBytes(run);
  const disks = diskNeeds(request.disks, { ...bytes, output: bytes.output + (request.keepsStatistics ? bytes.keptStatistics : 0) });
  const memory = { peakBytes: Math.ceil(RESERVE * peak.totalBytes), limitBytes: budgetBytes ?? machine.memoryBytes, smallestBudgetBytes };
  const advice = [...adviseOnMemory(run, memory), ...adviseOnDisk(disks)];
  const operations = operationsOf(run);
  const { speed } = machine;
  const pilot = plannedPilot(run, speed);
  return {
    model: name,
    ...{ modelType: run.model.modelType, blocks: run.model.blockCount, layout, shardsInFlight: layout.workers, floats, piecesPerBlock: 1 },
    tokens: {
      ...{ calibration: run.calibrationTokens, heldOut: run.heldOutTokens, windowTokens: run.windowTokens },
      source: request.tokenSource,
    },
    ...{ stages, peakBytes: peak.totalBytes, smallestBudgetBytes },
    peakAt: peak.blockKind === undefined ? peak.stage : `${peak.stage} ${peak.blockKind}`,
    ...{ budgetBytes: budgetBytes ?? null, machineBytes: machine.memoryBytes, availableBytes: machine.availableBytes ?? null },
    ...{ scratchBytes: bytes.scratch, outputBytes: bytes.output, keptStatisticsBytes: bytes.keptStatistics, disks },
    passes: { tokens: 1, weights: 2 },
    operations,
    ...(pilot && { pilot }),
    seconds: speed ? estimateSeconds(operations, speed) : null,
    ...{ times: timesOf(run, speed), speed: speed ?? null },
    sums: run.model.blocks.flatMap(({ sums, kind: blockKind }) => sums.map((sum) => ({ ...sum, blockKind }))),
    experts: run.model.experts,
    ...{ advice, fits: advice.length === 0 },
  };
};
