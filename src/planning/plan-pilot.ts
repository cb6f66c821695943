import { calibrationBytes, panelBytes, runtimeBytes } from './calibration-bytes.js';
import { countOperations } from './count-operations.js';
import { countPilotBlocks } from './count-pilot-blocks.js';
import { cutDoublings } from './cut-doublings.js';
import type { Operations, StageBytes } from './execution-plan.js';
import type { BlockShape } from './model-shape.js';
import { largestSegment, type RunShape } from './run-shape.js';

const F32 = 4;

/** What a pilot needs in its blocks of one kind. */
export interface PilotPart {
  readonly kind: string;
  readonly blocks: number;
  /** At the peak: the sums over a slice are made while those over the tokens before it are held. */
  readonly bytes: StageBytes;
  readonly operations: Operations;
}

/** What a pilot needs. */
export interface PilotPlan {
  /** By kind of block. */
  readonly parts: readonly PilotPart[];
  readonly blocks: number;
  /** Numbers of tokens that each of its blocks is corrected from. */
  readonly points: number;
  /** Hidden states that entered its first block and left each of them: none are removed before it ends. */
  readonly scratchBytes: number;
}

/** Numbers of tokens that are tried, where a text of so many is cut into whole segments. */
const countPoints = (run: RunShape, tokens: number): number => {
  const segment = largestSegment({ ...run, calibrationTokens: tokens });
  const segments = Array.from({ length: Math.ceil(tokens / segment) }, (_, i) => Math.min(segment, tokens - i * segment));
  return cutDoublings(segments).length;
};

/** At each point shards are quantized, solved and certified, and the block's weights, which leave for that, are loaded again. */
const timesPoints = (operations: Operations, points: number): Operations => ({
  ...operations,
  ...{ solve: points * operations.solve, thin: points * operations.thin, solvedRows: points * operations.solvedRows },
  certify: points * operations.certify,
  ...{ quantizedWeights: points * operations.quantizedWeights, loadedWeights: points * operations.loadedWeights },
});

const bytesOf = (run: RunShape, block: BlockShape): StageBytes => {
  const bytes = calibrationBytes(run, block, runtimeBytes(run));
  return { ...bytes, statistics: bytes.statistics + panelBytes(block.sums) };
};

/**
 * Plans the pilot of a run that chooses its tokens; undefined for a run that was told how many.
 *
 * Its solves hold what those of the run hold. Every pilot block is taken to try as many tokens as the first one.
 */
export const planPilot = (run: RunShape): PilotPlan | undefined => {
  const { pilot, model, heldOutTokens } = run;
  if (!pilot) return undefined;
  const blocks = countPilotBlocks(model.blockCount);
  const points = countPoints(run, pilot.triedTokens);
  const parts = model.blocks.flatMap((block): PilotPart[] => {
    const own = { ...block, blocks: block.blocks.filter((number) => number < blocks) };
    if (own.blocks.length === 0) return [];
    const operations = countOperations({ ...run, calibrationTokens: pilot.triedTokens, writeBase: false }, own);
    return [
      {
        ...{ kind: block.kind, blocks: own.blocks.length },
        bytes: bytesOf({ ...run, calibrationTokens: pilot.consideredTokens }, block),
        operations: timesPoints(operations, points),
      },
    ];
  });
  const scratchBytes = (blocks + 1) * F32 * model.hiddenSize * (pilot.consideredTokens + heldOutTokens);
  return { parts, blocks, points, scratchBytes };
};
