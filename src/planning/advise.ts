import { RESERVE } from './memory-costs.js';
import { layoutOf, peakOf } from './choose-layout.js';
import type { DiskNeed } from './execution-plan.js';
import { valuesOf } from './model-shape.js';
import type { RunShape } from './run-shape.js';

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;

/** The corrected matrix that takes most, by its last name. */
const heaviestModule = ({ model }: RunShape): string | undefined => {
  const corrected = model.blocks.flatMap(({ matrices }) => matrices.filter((matrix) => matrix.corrected));
  const names = new Set(corrected.map(({ name }) => name));
  return names.size > 1 ? [...corrected].sort((a, b) => valuesOf(b) - valuesOf(a))[0]!.name : undefined;
};

/** The run without one module's correction, and the sums that only it reads. */
const without = (run: RunShape, module: string): RunShape => ({
  ...run,
  model: {
    ...run.model,
    blocks: run.model.blocks.map((block) => {
      const matrices = block.matrices.map((matrix) => (matrix.name === module ? { ...matrix, corrected: false } : matrix));
      const read = new Set(matrices.filter(({ corrected }) => corrected).map(({ input }) => input));
      return { ...block, matrices, sums: block.sums.filter(({ input }) => read.has(input)) };
    }),
  },
});

const withoutPilot = ({ pilot: _, ...run }: RunShape): RunShape => run;

/** The run with its weights in two slices of a byte each. */
const withSlices = (run: RunShape): RunShape => ({ ...run, floats: { ...run.floats, arithmetic: 'int8-split' } });

/** Memory of a plan against what it may take. */
export interface MemoryNeed {
  readonly peakBytes: number;
  readonly limitBytes: number;
  readonly smallestBudgetBytes: number;
}

/** Says what to change where a run does not fit into memory, each with what it would take; nothing where it fits. */
export const adviseOnMemory = (run: RunShape, { peakBytes, limitBytes, smallestBudgetBytes }: MemoryNeed): string[] => {
  if (peakBytes <= limitBytes) return [];
  const alone: RunShape = { ...run, layout: layoutOf(1, run.layout.workers * run.layout.threads) };
  const heaviest = heaviestModule(run);
  const changes = [
    ...(run.layout.workers > 1 ? [{ what: '--workers 1', run: alone }] : []),
    ...(run.floats.arithmetic === 'f32'
      ? [{ what: '--arithmetic int8-split, on a processor with VNNI or AMX', run: withSlices(alone) }]
      : []),
    ...(run.pilot ? [{ what: '--tokens N in place of auto', run: withoutPilot(alone) }] : []),
    ...(run.heldOutTokens > 0 && !run.pilot ? [{ what: '--held-out 0', run: { ...alone, heldOutTokens: 0 } }] : []),
    ...(heaviest === undefined ? [] : [{ what: `--modules without ${heaviest}`, run: without(alone, heaviest) }]),
    ...(run.windowTokens > 128 ? [{ what: '--window 128', run: { ...alone, windowTokens: 128 } }] : []),
  ]
    .map(({ what, run: changed }) => ({ what, bytes: Math.ceil(RESERVE * peakOf(changed)) }))
    .filter(({ bytes }) => bytes < peakBytes);
  return [
    ...changes.map(({ what, bytes }) => `${what}: ${mebibytes(bytes)}${bytes <= limitBytes ? '' : ', still too much'}.`),
    `A budget of at least ${mebibytes(smallestBudgetBytes)}: --max-memory ${Math.ceil(smallestBudgetBytes / 2 ** 20)}MiB, on a machine that has it.`,
  ];
};

/** Says what to change where a disk has too little room; nothing where all have enough. */
export const adviseOnDisk = (disks: readonly DiskNeed[]): string[] =>
  disks
    .filter(({ neededBytes, freeBytes }) => neededBytes > freeBytes)
    .map(
      ({ directory, neededBytes, freeBytes }) =>
        `Free ${mebibytes(neededBytes - freeBytes)} at ${directory} (${mebibytes(neededBytes)} are needed, ${mebibytes(freeBytes)} free), or let --output or --scratch lie on another disk.`,
    );
