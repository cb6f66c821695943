import t from 'tap';
import { EigenvalueDecomposition, Matrix as DenseMatrix } from 'ml-matrix';
import { random } from '../../src/foundation/index.js';
import { symmetricEigen } from '../../src/linalg/index.js';

const symmetric = (size: number, seed: number, entry: (value: number, i: number, j: number) => number = (value) => value): Float64Array => {
  const stream = random(seed);
  const M = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) M[i * size + j] = M[j * size + i] = entry(stream.normal(), i, j);
  return M;
};

const cases: readonly { name: string; size: number; M: Float64Array }[] = [
  ...[1, 2, 3, 17, 64].map((size) => ({ name: `random ${size}`, size, M: symmetric(size, size) })),
  { name: 'zero', size: 6, M: new Float64Array(36) },
  { name: 'identity', size: 6, M: symmetric(6, 1, (_, i, j) => Number(i === j)) },
  { name: 'diagonal, ascending', size: 6, M: symmetric(6, 1, (_, i, j) => (i === j ? i : 0)) },
  { name: 'rank one', size: 9, M: symmetric(9, 1, (_, i, j) => (i + 1) * (j + 1)) },
  { name: 'graded over 16 decades', size: 12, M: symmetric(12, 5, (value, i, j) => value * 10 ** (-(i + j) / 1.4)) },
  { name: 'huge', size: 8, M: symmetric(8, 6, (value) => value * 1e200) },
  { name: 'tiny', size: 8, M: symmetric(8, 7, (value) => value * 1e-200) },
];

for (const { name, size, M } of cases)
  t.test(name, async (t) => {
    const { values, vectors } = symmetricEigen(M, size);
    const scale = M.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    const at = (i: number, j: number): number => vectors[i * size + j]!;
    for (let a = 0; a < size; a++)
      for (let b = 0; b < size; b++) {
        let inner = 0;
        let quadratic = 0;
        for (let i = 0; i < size; i++) {
          inner += at(i, a) * at(i, b);
          let row = 0;
          for (let j = 0; j < size; j++) row += (M[i * size + j]! / scale) * at(j, b);
          quadratic += at(i, a) * row;
        }
        if (Math.abs(inner - Number(a === b)) > 1e-13) t.fail(`vectors ${a} and ${b} are not orthonormal: ${inner}`);
        if (Math.abs(quadratic - (a === b ? values[a]! / scale : 0)) > 1e-13 * size)
          t.fail(`vectors ${a} and ${b} do not diagonalize: ${quadratic}`);
      }
    t.same(
      [...values],
      [...values].sort((x, y) => y - x),
      'descending',
    );
  });

t.test('the values of another library', async (t) => {
  const M = symmetric(40, 9);
  const other = new EigenvalueDecomposition(DenseMatrix.from1DArray(40, 40, [...M]), { assumeSymmetric: true }).realEigenvalues.sort(
    (x, y) => y - x,
  );
  symmetricEigen(M, 40).values.forEach((value, i) => t.ok(Math.abs(value - other[i]!) < 1e-12));
});

t.test('the upper triangle is not read, the input not changed', async (t) => {
  const M = symmetric(10, 3);
  const lower = M.map((value, at) => (at % 10 > Math.floor(at / 10) ? NaN : value));
  const copy = lower.slice();
  t.same(symmetricEigen(lower, 10), symmetricEigen(M, 10));
  t.same(lower, copy);
});

t.test('NaN and infinity are refused', async (t) => {
  t.throws(() => symmetricEigen(Float64Array.of(NaN), 1), { code: 'QL_CONVERGENCE' });
  t.throws(() => symmetricEigen(Float64Array.of(1, 0, Infinity, 1), 2), { code: 'QL_CONVERGENCE' });
});
