import t from 'tap';
import { STOCK_FLOATS } from '../../src/planning/choose-layout.js';
import { solveBytes } from '../../src/planning/solve-bytes.js';
import type { RunShape } from '../../src/planning/run-shape.js';
import { llamaBlock, llamaShape, openRun } from './sample-shape.js';

const block = llamaBlock(2048, 5632, 4);
const run: RunShape = { ...openRun(llamaShape(2048, 5632, 4)), floats: STOCK_FLOATS, layout: { workers: 1, threads: 1 } };
const total = (bytes: ReturnType<typeof solveBytes>): number => bytes.weights + bytes.solver;

t.test('a worker holds E of one layer, its codes and unpacked sums', async (t) => {
  const bytes = solveBytes(run, block, 0);
  const E = 4 * 2048 * 5632;
  t.ok(bytes.weights >= E && bytes.weights < 2.2 * E, 'W and Q are let go');
  t.ok(bytes.solver > 2 * 4 * 2048 ** 2, 'two unpacked sums at least');
  t.equal(bytes.activations, 0);
});

t.test('two workers take two layers, the heaviest first', async (t) => {
  const two = solveBytes({ ...run, layout: { workers: 2, threads: 1 } }, block, 0);
  t.equal(total(two), 2 * total(solveBytes(run, block, 0)), 'gate and up are alike');
  t.equal(two.statistics, solveBytes(run, block, 0).statistics, 'the totals are there once');
});

t.test('an initializer that reads W and Q, held-out text and a rank cost more', async (t) => {
  const of = (more: Partial<RunShape>): number => total(solveBytes({ ...run, ...more }, block, 0));
  t.ok(of({ solve: { ...run.solve, keepsWeights: true } }) > of({}));
  t.ok(of({ solve: { ...run.solve, rank: 256 } }) > of({}));
  t.ok(of({ heldOutTokens: 0 }) < of({}));
  t.equal(of({ solve: { ...run.solve, usesSums: false } }), of({}), 'factors that no sum decides are judged by the sums too');
});

t.test('an SVD holds a Gram matrix and the copy of a tall residual, LoftQ its own Q as well', async (t) => {
  const heaviest = (name: string, more: Partial<RunShape['solve']>): number => {
    const matrices = block.matrices.filter((matrix) => matrix.name === name);
    return total(solveBytes({ ...run, solve: { ...run.solve, usesSums: false, ...more } }, { ...block, matrices }, 0));
  };
  const E = 4 * 2048 * 5632;
  const gram = 4 * 2048 ** 2;
  const least = (name: string): number => heaviest(name, { decompositions: 1 }) - heaviest(name, {});
  t.ok(least('gate_proj') > gram, 'tall');
  t.ok(least('gate_proj') > least('down_proj'), 'a wide one is not copied');
  const loftq = heaviest('gate_proj', { keepsWeights: true, requantizes: true, decompositions: 5 });
  t.ok(loftq > 6 * E + gram, 'W, Q, E and three of its own');
  t.ok(loftq < 10 * E, 'beside sums, thin blocks and what is not collected yet');
});

t.test('weights stored in float32 are read beside what they become', async (t) => {
  const stored = (storedBytes: number): number => {
    const matrices = block.matrices.map((matrix) => ({ ...matrix, corrected: false, storedBytes }));
    return total(solveBytes({ ...run, writeBase: true }, { ...block, matrices }, 0));
  };
  t.equal(stored(4) - stored(2), 2 * 2048 * 5632);
});

t.test('layers that are neither corrected nor written cost nothing', async (t) => {
  const idle = { ...block, matrices: block.matrices.map((matrix) => ({ ...matrix, corrected: false })) };
  t.equal(total(solveBytes(run, idle, 0)), 0);
  t.ok(total(solveBytes({ ...run, writeBase: true }, idle, 0)) > 0);
});

t.test('of many experts no more than there are workers are solved at once', async (t) => {
  const matrix = { ...block.matrices[0]!, copies: 64, tokenShare: 0.1 };
  const experts = { ...block, matrices: [matrix] };
  const single = { ...block, matrices: [{ ...matrix, copies: 1 }] };
  t.equal(total(solveBytes({ ...run, layout: { workers: 2, threads: 1 } }, experts, 0)), 2 * total(solveBytes(run, single, 0)));
});
