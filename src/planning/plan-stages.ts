import { calibrationBytes, runtimeBytes } from './calibration-bytes.js';
import { countOperations } from './count-operations.js';
import type { Operations, PlannedStage, StageBytes } from './execution-plan.js';
import { planPilot } from './plan-pilot.js';
import { largestSegment, type RunShape } from './run-shape.js';
import { solveBytes } from './solve-bytes.js';

const NOTHING: StageBytes = { weights: 0, statistics: 0, heldOutStatistics: 0, activations: 0, solver: 0, runtime: 0 };

const F32 = 4;

/** Bytes of everything that a stage holds. */
const totalOf = (bytes: StageBytes): number =>
  bytes.weights + bytes.statistics + bytes.heldOutStatistics + bytes.activations + bytes.solver + bytes.runtime;

/** Whole bytes. */
const rounded = ({ weights, statistics, heldOutStatistics, activations, solver, runtime }: StageBytes): StageBytes => ({
  ...{ weights: Math.ceil(weights), statistics: Math.ceil(statistics), heldOutStatistics: Math.ceil(heldOutStatistics) },
  ...{ activations: Math.ceil(activations), solver: Math.ceil(solver), runtime: Math.ceil(runtime) },
});

const outside = (stage: PlannedStage['stage'], bytes: Partial<StageBytes>): PlannedStage => {
  const all = rounded({ ...NOTHING, ...bytes });
  return { stage, blockKind: undefined, blocks: 0, bytes: all, totalBytes: totalOf(all), operations: 0 };
};

const ofBlocks = (
  stage: 'pilot' | 'calibrate' | 'solve',
  kind: string,
  blocks: number,
  bytes: StageBytes,
  operations: number,
): PlannedStage => ({
  ...{ stage, blockKind: kind, blocks, bytes: rounded(bytes), operations },
  totalBytes: totalOf(rounded(bytes)),
});

/** Plans the stages of a run: those of each kind of block, and what comes before and after the blocks. */
export const planStages = (run: RunShape): PlannedStage[] => {
  const runtime = runtimeBytes(run);
  const entering = run.layout.workers * 2 * F32 * run.model.hiddenSize * largestSegment(run);
  const count = (operations: Operations, names: readonly ('forward' | 'sums' | 'solve' | 'certify')[]): number =>
    names.reduce((sum, name) => sum + operations[name], 0);
  return [
    outside('start', { runtime }),
    outside('embed', { runtime, activations: entering }),
    ...(planPilot(run)?.parts ?? []).map(({ kind, blocks, bytes, operations }) =>
      ofBlocks('pilot', kind, blocks, bytes, count(operations, ['forward', 'sums', 'solve', 'certify'])),
    ),
    ...run.model.blocks.flatMap((block) => {
      const operations = countOperations(run, block);
      const { kind, blocks } = block;
      return [
        ofBlocks('calibrate', kind, blocks.length, calibrationBytes(run, block, runtime), count(operations, ['forward', 'sums'])),
        ofBlocks('solve', kind, blocks.length, solveBytes(run, block, runtime), count(operations, ['solve', 'certify'])),
      ];
    }),
    outside('write', { runtime }),
  ];
};

/** The stage that holds most. */
export const heaviestStage = (stages: readonly PlannedStage[]): PlannedStage =>
  stages.reduce((most, stage) => (stage.totalBytes > most.totalBytes ? stage : most));
