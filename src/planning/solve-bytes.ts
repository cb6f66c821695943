import { blockColumns, CHUNK_ROWS, formsGram, formsResidualGram, PANEL_ROWS } from '../linalg/index.js';
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

/** Values of a Gram matrix in `truncatedSvd`, of a panel of it, and of the transposed copy of a tall matrix. */
const decomposing = (m: number, n: number): number => {
  const small = Math.min(m, n);
  return formsGram(m, n) ? small * (small + PANEL_ROWS) + (m > n ? m * n : 0) : 0;
};

/** Values of G = E H Eᵀ and of E·H where G is formed. */
const formingG = (m: number, n: number, { rank, steps }: SolveShape): number => {
  const forms = formsResidualGram(m, n, steps > 0 ? rank : blockColumns(rank, m), steps > 0 ? steps : undefined);
  return forms ? m * (n + m) : 0;
};

/** Values that an initializer holds of its own beside thin blocks and the unpacked sums. */
const initializing = ({ outFeatures: m, inFeatures: n }: MatrixShape, sum: SumShape | undefined, solve: SolveShape): number => {
  const gram = solve.usesSums && sum?.kind === 'H' ? formingG(m, n, solve) : 0;
  // LoftQ: its Q, the residual of it and the copy of that; or two Q's and what is quantized.
  if (solve.requantizes) return 3 * m * n + (formsGram(m, n) ? Math.min(m, n) * (Math.min(m, n) + PANEL_ROWS) : 0);
  return gram + (solve.decompositions > 0 ? decomposing(m, n) : 0);
};

/** Values that the certificate holds: under an H some rows of E and the rest of it, under a G the rest of that, and LoftQ's Q and residual. */
const certifying = ({ outFeatures: m, inFeatures: n }: MatrixShape, sum: SumShape, { requantizes }: SolveShape): number => {
  const own = requantizes ? 2 * m * n : 0;
  return own + (sum.kind === 'H' ? m * n + n * (Math.min(m, CHUNK_ROWS) + PANEL_ROWS) : m * m);
};

/** Unpacked sums and the matrices of solver and certificate, with what is let go on the way and not collected yet. */
const workspace = (matrix: MatrixShape, sum: SumShape | undefined, solve: SolveShape, heldOut: boolean): number => {
  if (!matrix.corrected || !sum) return 0;
  const { outFeatures: m, inFeatures: n } = matrix;
  const thin = 6 * (m + n) * blockColumns(solve.rank, Math.min(m, n));
  const initialize = initializing(matrix, sum, solve);
  const unpacked = (heldOut ? 2 : 1) * sum.size ** 2;
  const most = thin + unpacked + Math.max(initialize, certifying(matrix, sum, solve));
  return F32 * most + Math.min(MEMORY_COSTS.solverKeptBytes, F32 * (thin + initialize));
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
    solver: layers.reduce((sum, { solver }) => sum + solver, 0),
    runtime,
  };
};
