import { blockColumns } from '../linalg/index.js';
import { panelBytes } from './calibration-bytes.js';
import type { StageBytes } from './execution-plan.js';
import { MEMORY_COSTS } from './memory-costs.js';
import { valuesOf, type BlockShape, type MatrixShape, type SumShape } from './model-shape.js';
import type { RunShape, SolveShape } from './run-shape.js';

const F32 = 4;

/** What a layer needs while it is read and quantized: its stored bytes and W; W becomes E in its own memory, unless it is kept. */
const quantizing = (matrix: MatrixShape, { keepsWeights, bits }: SolveShape): number =>
  valuesOf(matrix) * Math.max(matrix.storedBytes + F32, (keepsWeights ? 3 : 1) * F32 + bits / 8);

/** What is held of a layer while it is solved: E and the stored codes, W and Q where the initializer reads them. */
const held = (matrix: MatrixShape, { keepsWeights, bits }: SolveShape): number =>
  valuesOf(matrix) * ((keepsWeights ? 3 : 1) * F32 + bits / 8);

/** Unpacked sums and the solver's own matrices. */
const workspace = (matrix: MatrixShape, sum: SumShape | undefined, { rank, usesSums }: SolveShape, heldOut: boolean): number => {
  if (!matrix.corrected) return 0;
  const { outFeatures: m, inFeatures: n } = matrix;
  const thin = 6 * (m + n) * blockColumns(rank, Math.min(m, n));
  if (!sum || !usesSums) return F32 * (thin + Math.min(m, n) ** 2);
  const unpacked = (heldOut ? 2 : 1) * sum.size ** 2;
  // Under an H: E·H or a rest of E, and G = E H Eᵀ where it is formed. Under a G its own products are thin.
  const products = sum.kind === 'H' ? m * n + Math.min(m, n) ** 2 : 0;
  return F32 * (thin + unpacked + products);
};

interface LayerBytes {
  readonly weights: number;
  readonly solver: number;
}

const layerBytes = (block: BlockShape, matrix: MatrixShape, run: RunShape): LayerBytes => {
  const sum = block.sums.find(({ input }) => input === matrix.input);
  const solver = workspace(matrix, sum, run.solve, run.heldOutTokens > 0);
  return { weights: Math.max(held(matrix, run.solve), quantizing(matrix, run.solve) - solver), solver };
};

/**
 * Resident bytes at the peak of solving a block: the totals of all its sums, and for each worker one layer at its worst.
 *
 * The heaviest layers are taken to meet.
 */
export const solveBytes = (run: RunShape, block: BlockShape, runtime: number): StageBytes => {
  const layers = block.matrices
    .filter(({ quantized, corrected }) => corrected || (quantized && run.writeBase))
    .flatMap((matrix) => Array<LayerBytes>(Math.min(matrix.copies, run.layout.workers)).fill(layerBytes(block, matrix, run)))
    .sort((a, b) => b.weights + b.solver - a.weights - a.solver)
    .slice(0, run.layout.workers);
  return {
    weights: layers.reduce((sum, { weights }) => sum + weights, 0),
    statistics: panelBytes(block.sums),
    heldOutStatistics: run.heldOutTokens > 0 ? panelBytes(block.sums.filter(({ heldOut }) => heldOut)) : 0,
    activations: 0,
    solver: layers.reduce((sum, { solver }) => sum + solver + Math.min(MEMORY_COSTS.keptBytes, solver), 0),
    runtime,
  };
};
