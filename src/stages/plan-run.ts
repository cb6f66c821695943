import { availableParallelism } from 'node:os';
import { planText } from '../corpus/index.js';
import type { Initializer } from '../initializers/index.js';
import { earlierFiles } from '../journal/index.js';
import {
  mostPilotTokens,
  planExecution,
  type ArithmeticChoice,
  type ExecutionPlan,
  type FloatChoices,
  type FreeSpace,
  type MachineSpeed,
  type OpenRun,
  type PlanRequest,
} from '../planning/index.js';
import { availableMemory } from './available-memory.js';
import type { ChosenRun } from './calibrated-run.js';
import { sumsG, type CorrectionPlan } from './correction-plan.js';
import { describeModel } from './describe-model.js';
import { freeSpace } from './free-space.js';
import type { PlanJob } from './jobs.js';
import { solveShape } from './solve-shape.js';
import { askedWorkers } from './worker-layout.js';
import { machineMemory } from './machine-memory.js';
import type { SourceModel } from './open-source-model.js';
import type { TokenChoice } from './token-choice.js';

/** Tokens that a plan is made for. */
export type RunTokens = Pick<OpenRun, 'calibrationTokens' | 'heldOutTokens' | 'windowTokens' | 'pilot'> & Pick<PlanRequest, 'tokenSource'>;

/** What a run is planned from. */
export interface RunParts {
  readonly source: SourceModel;
  readonly correction: CorrectionPlan;
  readonly initializer: Initializer;
  readonly tokens: RunTokens;
  readonly arithmetic: ArithmeticChoice;
  /** As in `PlanRequest`. */
  readonly floats?: FloatChoices | undefined;
  /** Left out where no times are wanted. */
  readonly speed?: MachineSpeed | undefined;
}

/** Tokens of one sample at most. */
const sampleTokens = ({ calibration, calibrationShape, windowTokens }: PlanJob): number => {
  const pair = calibration === undefined ? undefined : planText(calibration, calibrationShape ?? {}, 'calibration').pairTokens;
  return pair ? pair.source + pair.target : windowTokens;
};

/** What a pilot tried, or before it was made all that it may try; nothing where the number of tokens was given. */
const pilotOf = ({ budget }: PlanJob, considered: number, choice: TokenChoice | undefined): Pick<RunTokens, 'pilot'> =>
  budget.kind === 'auto' ? { pilot: { consideredTokens: considered, triedTokens: choice?.curve.at(-1)?.tokens ?? considered } } : {};

/** The tokens of a job whose text is not read: whole windows, which samples have at most, and all that an automatic choice considers. */
export const assumeTokens = (job: PlanJob, model: Pick<SourceModel['model'], 'maxPositions' | 'blocks' | 'linears'>): RunTokens => {
  const { budget, heldOutFraction } = job;
  const windowTokens = Math.min(model.maxPositions, budget.kind === 'samples' ? sampleTokens(job) : job.windowTokens);
  const tokens = budget.kind === 'auto' ? (budget.most ?? mostPilotTokens(model)) : budget.kind === 'tokens' ? budget.tokens : 0;
  const windows = budget.kind === 'samples' ? budget.samples : Math.floor(tokens / windowTokens);
  const heldOutTokens = Math.round(heldOutFraction * windows) * windowTokens;
  const calibrationTokens = windows * windowTokens;
  return { calibrationTokens, heldOutTokens, windowTokens, tokenSource: 'assumed', ...pilotOf(job, calibrationTokens, undefined) };
};

/** The tokens of a run's windows. */
export const countTokens = (
  { windows: { calibration, heldOut, tokens }, tokenChoice }: Pick<ChosenRun, 'windows' | 'tokenChoice'>,
  job: PlanJob,
): RunTokens => ({
  ...pilotOf(job, tokenChoice?.considered ?? tokens.calibration, tokenChoice),
  calibrationTokens: tokens.calibration,
  heldOutTokens: tokens.heldOut,
  windowTokens: [...calibration, ...heldOut].reduce((longest, { length }) => Math.max(longest, length), 1),
  tokenSource: 'counted',
});

/** What is free where a run writes, and what an earlier attempt's files take on these disks: they are kept, or removed first. */
const roomsOf = async (output: string, scratch: string): Promise<PlanRequest['disks']> => {
  const earlier = await Promise.all(
    (await earlierFiles(output)).map(async ({ directory, bytes }) => ({ bytes, device: (await freeSpace(directory)).device })),
  );
  const room = async (directory: string): Promise<FreeSpace> => {
    const { freeBytes, device } = await freeSpace(directory);
    const taken = earlier.reduce((sum, files) => sum + (files.device === device ? files.bytes : 0), 0);
    return { directory, device, freeBytes: freeBytes + taken };
  };
  return { output: await room(output), scratch: await room(scratch) };
};

/**
 * Plans a run of `initialize` on this machine: what it needs, and how it will be done.
 *
 * @throws the file system's own error where the room on a disk can't be asked
 */
export const planRun = async (
  job: PlanJob,
  { source, correction, initializer, tokens, arithmetic, speed, floats }: RunParts,
): Promise<ExecutionPlan> => {
  const { tokenSource, ...counts } = tokens;
  const output = job.output ?? process.cwd();
  return planExecution({
    name: job.model,
    run: {
      model: describeModel(source, correction, sumsG(initializer, job)),
      solve: solveShape(initializer, job),
      ...counts,
      arithmetic: arithmetic.used,
      writeBase: job.writeBase,
    },
    ...{ tokenSource, floats },
    ...{ budgetBytes: job.maxMemoryBytes, workers: askedWorkers(job), keepsStatistics: job.keepStatistics !== undefined },
    machine: { cores: availableParallelism(), memoryBytes: machineMemory(), availableBytes: availableMemory(), speed },
    disks: await roomsOf(output, job.scratch ?? output),
  });
};
