import t from 'tap';
import { pseudoInverse, solveSymmetric } from '../../src/linalg/index.js';
import { withSpectrum } from './naive-engine.js';

const product = (A: Float64Array, B: Float64Array, n: number): Float64Array => {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) out[i * n + j]! += A[i * n + k]! * B[k * n + j]!;
  return out;
};
const worst = (A: Float64Array, B: Float64Array): number => A.reduce((most, value, i) => Math.max(most, Math.abs(value - B[i]!)), 0);

const cases: readonly { name: string; values: readonly number[] }[] = [
  { name: 'one', values: [4] },
  { name: 'well conditioned', values: [3, 2, 1.5, 1, 0.7] },
  { name: 'condition 1e5', values: [1, 0.1, 1e-2, 1e-3, 1e-5] },
  { name: 'singular', values: [5, 3, 1, 0, 0, 0] },
  { name: 'tiny', values: [3e-20, 2e-20, 1e-20] },
];

for (const { name, values } of cases)
  t.test(name, async (t) => {
    const n = values.length;
    const M = new Float64Array(withSpectrum(values, 3).data);
    const inverse = pseudoInverse(M, n, 2e-6);
    const scale = values[0]!;
    t.ok(worst(product(product(M, inverse, n), M, n), M) < 1e-6 * scale, 'M M⁺ M = M');
    const projector = product(M, inverse, n);
    t.ok(worst(product(projector, projector, n), projector) < 1e-5, 'M M⁺ projects');
    const rank = values.filter((value) => value > 0).length;
    const trace = values.reduce((sum, _, i) => sum + projector[i * n + i]!, 0);
    t.ok(Math.abs(trace - rank) < 1e-5, `onto ${rank} dimensions`);
  });

t.test('values below the cut-off count as zero, those above do not', async (t) => {
  const M = Float64Array.of(1, 0, 0, 1e-4);
  t.same([...pseudoInverse(M, 2, 1e-3)], [1, 0, 0, 0]);
  t.ok(worst(pseudoInverse(M, 2, 1e-5), Float64Array.of(1, 0, 0, 1e4)) < 1e-8);
});

t.test('the zero matrix inverts to zero', async (t) => {
  t.same([...pseudoInverse(new Float64Array(9), 3)], new Array(9).fill(0));
});

t.test('solves for several right sides', async (t) => {
  const M = Float64Array.of(2, 1, 1, 3);
  const x = solveSymmetric(M, Float64Array.of(3, 1, 4, -2), 2);
  t.ok(worst(x, Float64Array.of(1, 1, 1, -1)) < 1e-14);
  t.same([...solveSymmetric(new Float64Array(0), new Float64Array(0), 0)], []);
});
