import { panelBytes } from './calibration-bytes.js';
import { valuesOf, type MatrixShape } from './model-shape.js';
import { planPilot } from './plan-pilot.js';
import type { RunShape } from './run-shape.js';

const F32 = 4;

/** Quantized weights take a sixteenth more for their scales, at most. */
const SCALES = 17 / 16;

/** Headers, configuration, tokenizer, cards and the report. */
const SMALL_FILES = 32 * 2 ** 20;

/** Largest shard of a base. */
const SHARD = 2 * 2 ** 30;

/** What a run writes. */
export interface DiskBytes {
  /**
   * Hidden states of four boundaries, two that the last checkpoint keeps and two that blocks after it work on, and the sums of one
   * block, which a new checkpoint writes beside the old ones; or those of the pilot, which are removed before.
   */
  readonly scratch: number;
  /** Adapter, base and experts' factors; factors twice, and one shard of the base, while they are put together. */
  readonly output: number;
  /** The sums of all blocks, in a run that keeps them. */
  readonly keptStatistics: number;
}

/** Counts the bytes that a run writes. */
export const countDiskBytes = (run: RunShape): DiskBytes => {
  const { model, solve } = run;
  const splits = run.heldOutTokens > 0 ? 2 : 1;
  const over = (bytes: (matrix: MatrixShape) => number): number =>
    model.blocks.reduce(
      (sum, { matrices, blocks }) => sum + blocks.length * matrices.reduce((all, matrix) => all + matrix.copies * bytes(matrix), 0),
      0,
    );
  const sums = model.blocks.map(({ sums, blocks }) => ({ bytes: splits * panelBytes(sums), blocks: blocks.length }));
  const factors = over((matrix) => (matrix.corrected ? F32 * solve.rank * (matrix.outFeatures + matrix.inFeatures) : 0));
  // Experts are not quantized in the base, whether they get factors or not.
  const quantized = over((matrix) => (matrix.quantized ? (valuesOf(matrix) * solve.bits * SCALES) / 8 : 0));
  const base = quantized + model.plainBytes;
  return {
    scratch: Math.max(
      4 * F32 * model.hiddenSize * (run.calibrationTokens + run.heldOutTokens) + 2 * Math.max(...sums.map(({ bytes }) => bytes)),
      planPilot(run)?.scratchBytes ?? 0,
    ),
    output: Math.ceil(2 * factors + (run.writeBase ? base + Math.min(base, SHARD) : 0)) + SMALL_FILES,
    keptStatistics: sums.reduce((sum, { bytes, blocks }) => sum + blocks * bytes, 0),
  };
};
