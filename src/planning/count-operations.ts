import { blockColumns, formsGram, formsResidualGram, PANEL_ROWS } from '../linalg/index.js';
import type { Operations } from './execution-plan.js';
import { blockValues, valuesOf, type BlockShape, type MatrixShape, type SumShape } from './model-shape.js';
import { panelValues } from './panel-values.js';
import type { RunShape, SolveShape } from './run-shape.js';

/** Products with the whole block that the eigensolver takes on noise-like spectra. */
const APPLICATIONS = 10;

const sumOver = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((sum, item) => sum + of(item), 0);

/** Operations of one token's products with a block's weights. */
const linearPerToken = ({ matrices }: BlockShape): number =>
  2 * sumOver(matrices, (matrix) => matrix.copies * matrix.tokenShare * valuesOf(matrix));

/** Operations of one token's attention over its window (causal positions are computed too). */
const attentionPerToken = ({ activations }: BlockShape, windowTokens: number): number =>
  4 * (activations.find(({ name }) => name === 'attention_output')?.width ?? 0) * windowTokens;

const sumPerToken = ({ kind, size, width, copies, tokenShare }: SumShape): number =>
  2 * copies * tokenShare * (panelValues(size) + (kind === 'G' ? size * width : 0));

/** What choosing the factors of one layer takes. */
type LayerOperations = Pick<Operations, 'solve' | 'thin' | 'solvedRows'>;

const together = (parts: readonly LayerOperations[]): LayerOperations => ({
  solve: sumOver(parts, ({ solve }) => solve),
  thin: sumOver(parts, ({ thin }) => thin),
  solvedRows: sumOver(parts, ({ solvedRows }) => solvedRows),
});

/** A `truncatedSvd`: the Gram matrix once and then applied, or both factors applied each time. */
const decompose = ({ outFeatures: m, inFeatures: n }: MatrixShape, rank: number): LayerOperations => {
  const small = Math.min(m, n);
  const columns = blockColumns(rank, small);
  const formed = formsGram(m, n);
  const thin = APPLICATIONS * 2 * columns * (formed ? small * small : 2 * m * n);
  return { solve: thin + (formed ? m * n * (small + PANEL_ROWS) : 0), thin, solvedRows: small };
};

/** An iteration on G, as `residualOperator` applies it; ALS makes its steps with as many columns as the rank. */
const iterate = ({ outFeatures: m, inFeatures: n }: MatrixShape, kind: SumShape['kind'], { rank, steps }: SolveShape): LayerOperations => {
  const columns = steps > 0 ? rank : blockColumns(rank, Math.min(m, n));
  const applications = steps > 0 ? steps : APPLICATIONS;
  const formed = kind === 'H' && formsResidualGram(m, n, columns, applications);
  const thin = applications * (kind === 'G' || formed ? 2 * m * m * columns : 2 * columns * n * (2 * m + n));
  return { solve: thin + (formed ? m * n * (2 * n + m) : 0), thin, solvedRows: m };
};

const solveOne = (matrix: MatrixShape, sum: SumShape | undefined, solve: SolveShape): LayerOperations => {
  const { decompositions, usesSums, requantizes, rank } = solve;
  const svds = Array.from({ length: decompositions }, () => decompose(matrix, rank));
  const rests = requantizes ? { solve: 2 * Math.max(0, decompositions - 1) * rank * valuesOf(matrix), thin: 0, solvedRows: 0 } : undefined;
  return together([...svds, ...(rests ? [rests] : []), ...(sum && usesSums ? [iterate(matrix, sum.kind, solve)] : [])]);
};

/** Operations that say what the factors of one layer are worth on so many sets of tokens; EᵀE serves all of them. */
const certifyOne = (matrix: MatrixShape, sum: SumShape | undefined, { rank }: SolveShape, sets: number): number => {
  const { outFeatures: m, inFeatures: n } = matrix;
  if (sum?.kind === 'G') return 2 * rank * (2 * m * n + sets * m * m);
  return m * n * (n + PANEL_ROWS) + sets * 2 * rank * n * (n + m);
};

const ofBlock = (run: RunShape, block: BlockShape): Operations => {
  const tokens = run.calibrationTokens + run.heldOutTokens;
  const sumOf = ({ input }: MatrixShape): SumShape | undefined => block.sums.find((sum) => sum.input === input);
  const corrected = block.matrices.filter((matrix) => matrix.corrected);
  const sets = run.heldOutTokens > 0 ? 2 : 1;
  const quantized = block.matrices.filter(({ quantized, corrected }) => corrected || (quantized && run.writeBase));
  const attention = tokens * attentionPerToken(block, run.windowTokens);
  const factors = together(
    corrected.map((matrix) => {
      const { solve, thin, solvedRows } = solveOne(matrix, sumOf(matrix), run.solve);
      return { solve: matrix.copies * solve, thin: matrix.copies * thin, solvedRows: matrix.copies * solvedRows };
    }),
  );
  return {
    ...{ forward: tokens * linearPerToken(block) + attention, attention, ...factors },
    sums: sumOver(block.sums, (sum) => (sum.heldOut ? tokens : run.calibrationTokens) * sumPerToken(sum)),
    certify: sumOver(corrected, (matrix) => matrix.copies * certifyOne(matrix, sumOf(matrix), run.solve, sets)),
    loadedWeights: run.layout.workers * blockValues(block),
    quantizedWeights:
      sumOver(quantized, (matrix) => matrix.copies * valuesOf(matrix)) +
      (run.solve.requantizes ? (run.solve.decompositions - 1) * sumOver(corrected, (matrix) => matrix.copies * valuesOf(matrix)) : 0) +
      sumOver(block.sums, ({ kind, copies, size, width }) => (kind === 'G' ? copies * run.layout.workers * size * width : 0)),
  };
};

/** Adds operations, each so many times. */
export const addUp = (parts: readonly { readonly operations: Operations; readonly times: number }[]): Operations => {
  const total = (of: (operations: Operations) => number): number => sumOver(parts, ({ operations, times }) => times * of(operations));
  return {
    forward: total(({ forward }) => forward),
    attention: total(({ attention }) => attention),
    sums: total(({ sums }) => sums),
    solve: total(({ solve }) => solve),
    thin: total(({ thin }) => thin),
    solvedRows: total(({ solvedRows }) => solvedRows),
    certify: total(({ certify }) => certify),
    loadedWeights: total(({ loadedWeights }) => loadedWeights),
    quantizedWeights: total(({ quantizedWeights }) => quantizedWeights),
  };
};

/** Counts the operations of a run, those of one kind of block only where it is given. */
export const countOperations = (run: RunShape, kind?: BlockShape): Operations =>
  addUp((kind ? [kind] : run.model.blocks).map((block) => ({ operations: ofBlock(run, block), times: block.blocks.length })));
