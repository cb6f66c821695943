import type { Arithmetic } from './choose-arithmetic.js';
import type { FloatChoices, RunLayout } from './execution-plan.js';
import { heaviestStage, planStages } from './plan-stages.js';
import type { RunShape } from './run-shape.js';

/** Sizes of runs and segments in the order in which they are tried; the first were measured to be good. */
const CHUNKS: readonly Pick<FloatChoices, 'runTokens' | 'segmentTokens'>[] = [
  { runTokens: 512, segmentTokens: 4096 },
  { runTokens: 512, segmentTokens: 2048 },
  { runTokens: 256, segmentTokens: 1024 },
  { runTokens: 128, segmentTokens: 512 },
];

/** Narrower products than this gain more from a second worker than from a second thread. */
const WIDE = 4096;

/** A run before its layout and its chunks are chosen. */
export interface OpenRun extends Omit<RunShape, 'floats' | 'layout'> {
  readonly arithmetic: Arithmetic;
}

/** The choices for a run in float32 that has no budget, and the first that are tried for one that has. */
export const STOCK_FLOATS: FloatChoices = { ...CHUNKS[0]!, storedActivations: 'f32', arithmetic: 'f32' };

/** The choices that take the least memory. */
export const LEANEST_FLOATS: FloatChoices = { ...STOCK_FLOATS, ...CHUNKS.at(-1)! };

/** The layout of a number of workers on so many cores: cores that are left work inside their products. */
export const layoutOf = (workers: number, cores: number): RunLayout => ({ workers, threads: Math.max(1, Math.floor(cores / workers)) });

/** Bytes at the peak of a run. */
export const peakOf = (run: RunShape): number => heaviestStage(planStages(run)).totalBytes;

/**
 * Chooses the sizes of runs and segments: the first with which one worker keeps the budget, the smallest where none does.
 *
 * They decide where sums are cut, so they follow from model, options and budget only, never from the machine.
 */
export const chooseFloats = (run: OpenRun, budgetBytes: number | undefined): FloatChoices => {
  if (budgetBytes === undefined) return { ...STOCK_FLOATS, arithmetic: run.arithmetic };
  const candidates = CHUNKS.map((chunks): FloatChoices => ({ ...STOCK_FLOATS, arithmetic: run.arithmetic, ...chunks }));
  return candidates.find((floats) => peakOf({ ...run, floats, layout: layoutOf(1, 1) }) <= budgetBytes) ?? candidates.at(-1)!;
};

/**
 * Chooses workers and threads: as many workers as were asked for; else the most that fit, half as many at widths where a
 * product keeps two threads busy, one where none fits.
 *
 * @param bytesOf bytes at the peak; those of all stages unless told
 */
export const chooseLayout = (
  run: OpenRun & Pick<RunShape, 'floats'>,
  { cores, asked, limitBytes }: { readonly cores: number; readonly asked: number | undefined; readonly limitBytes: number },
  bytesOf: (run: RunShape) => number = peakOf,
): RunLayout => {
  if (asked !== undefined) return layoutOf(asked, cores);
  let workers = run.model.hiddenSize < WIDE ? cores : Math.max(1, Math.floor(cores / 2));
  while (workers > 1 && bytesOf({ ...run, layout: layoutOf(workers, cores) }) > limitBytes) workers--;
  return layoutOf(workers, cores);
};
