import { blockColumns, formsResidualGram } from '../linalg/index.js';
import type { Operations } from './execution-plan.js';
import { valuesOf, type BlockShape, type MatrixShape, type SumShape } from './model-shape.js';
import { panelValues } from './panel-values.js';
import type { RunShape, SolveShape } from './run-shape.js';

/** Products with the whole block that the eigensolver takes on noise-like spectra. */
const APPLICATIONS = 10;

/** Rows of the panels that symmetric products are made in. */
const PANEL = 512;

const sumOver = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((sum, item) => sum + of(item), 0);

/** Operations of one token's way through a block: products with weights, and attention over its window (causal positions are computed too). */
const forwardPerToken = ({ matrices, activations }: BlockShape, windowTokens: number): number => {
  const attended = activations.find(({ name }) => name === 'attention_output')?.width ?? 0;
  return 2 * sumOver(matrices, (matrix) => matrix.copies * matrix.tokenShare * valuesOf(matrix)) + 4 * attended * windowTokens;
};

const sumPerToken = ({ kind, size, width, copies, tokenShare }: SumShape): number =>
  2 * copies * tokenShare * (panelValues(size) + (kind === 'G' ? size * width : 0));

/** Operations that choose the factors of one layer, as `residualOperator` and `truncatedSvd` count them. */
const solveOne = (
  { outFeatures: m, inFeatures: n }: MatrixShape,
  sum: SumShape | undefined,
  { rank, usesSums, steps }: SolveShape,
): number => {
  const columns = blockColumns(rank, Math.min(m, n));
  const small = Math.min(m, n);
  const svd = m * n * (small + PANEL) + APPLICATIONS * 2 * small * small * columns;
  if (!sum || !usesSums) return svd;
  const applications = steps > 0 ? steps : APPLICATIONS;
  const formed = sum.kind === 'H' && formsResidualGram(m, n, columns, applications);
  const applying = sum.kind === 'G' || formed ? 2 * m * m * columns : 2 * columns * n * (2 * m + n);
  return (formed ? m * n * (2 * n + m) : 0) + (steps > 0 ? svd : 0) + applications * applying;
};

/** Operations that say what the factors of one layer are worth on so many sets of tokens; EᵀE serves all of them. */
const certifyOne = (matrix: MatrixShape, sum: SumShape | undefined, { rank }: SolveShape, sets: number): number => {
  const { outFeatures: m, inFeatures: n } = matrix;
  if (sum?.kind === 'G') return 2 * rank * (2 * m * n + sets * m * m);
  return m * n * (n + PANEL) + sets * 2 * rank * n * (n + m);
};

const ofBlock = (run: RunShape, block: BlockShape): Operations => {
  const tokens = run.calibrationTokens + run.heldOutTokens;
  const sumOf = ({ input }: MatrixShape): SumShape | undefined => block.sums.find((sum) => sum.input === input);
  const corrected = block.matrices.filter((matrix) => matrix.corrected);
  const sets = run.heldOutTokens > 0 ? 2 : 1;
  const quantized = block.matrices.filter(({ quantized, corrected }) => corrected || (quantized && run.writeBase));
  return {
    forward: tokens * forwardPerToken(block, run.windowTokens),
    sums: sumOver(block.sums, (sum) => (sum.heldOut ? tokens : run.calibrationTokens) * sumPerToken(sum)),
    solve: sumOver(corrected, (matrix) => matrix.copies * solveOne(matrix, sumOf(matrix), run.solve)),
    certify: sumOver(corrected, (matrix) => matrix.copies * certifyOne(matrix, sumOf(matrix), run.solve, sets)),
    quantizedWeights:
      sumOver(quantized, (matrix) => matrix.copies * valuesOf(matrix)) +
      sumOver(block.sums, ({ kind, copies, size, width }) => (kind === 'G' ? copies * run.layout.workers * size * width : 0)),
  };
};

/** Adds operations, each so many times. */
export const addUp = (parts: readonly { readonly operations: Operations; readonly times: number }[]): Operations => {
  const total = (of: (operations: Operations) => number): number => sumOver(parts, ({ operations, times }) => times * of(operations));
  return {
    forward: total(({ forward }) => forward),
    sums: total(({ sums }) => sums),
    solve: total(({ solve }) => solve),
    certify: total(({ certify }) => certify),
    quantizedWeights: total(({ quantizedWeights }) => quantizedWeights),
  };
};

/** Counts the operations of a run, those of one kind of block only where it is given. */
export const countOperations = (run: RunShape, kind?: BlockShape): Operations =>
  addUp((kind ? [kind] : run.model.blocks).map((block) => ({ operations: ofBlock(run, block), times: block.blocks.length })));
