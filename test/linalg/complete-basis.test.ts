import t from 'tap';
import { matrix, random, transposed } from '../../src/foundation/index.js';
import { beside, completeBasis, orthonormalize, projectOut } from '../../src/linalg/index.js';
import { columnRange } from '../../src/linalg/complete-basis.js';
import { distance, naiveEngine, naiveProduct, normalMatrix, orthogonalityError, squareOf } from './naive-engine.js';

const engine = naiveEngine();

t.test('fills up to any width, orthogonal to what is given', async (t) => {
  const U = await orthonormalize(normalMatrix(20, 4, 1), engine);
  for (const given of [0, 1, 5])
    for (const columns of [1, 6, 16]) {
      const V = await projectOut(normalMatrix(20, given, 2), U, engine);
      const basis = await completeBasis(V, columns, engine, random(3), U);
      t.same(basis.shape, [20, columns]);
      t.ok(orthogonalityError(beside(U, basis)) < 3e-6);
    }
});

t.test('dependent columns are replaced', async (t) => {
  const V = naiveProduct(normalMatrix(20, 2, 4), normalMatrix(2, 5, 5));
  const basis = await completeBasis(V, 5, engine, random(6));
  t.ok(orthogonalityError(basis) < 3e-6);
  t.ok(squareOf(await projectOut(V, basis, engine)) < 1e-10 * squareOf(V), 'what V spans is kept');
});

t.test('projection, joining and cutting', async (t) => {
  const U = await orthonormalize(normalMatrix(12, 3, 7), engine);
  const V = normalMatrix(12, 4, 8);
  t.ok(squareOf(naiveProduct(transposed(U), await projectOut(V, U, engine))) < 1e-10);
  t.equal(await projectOut(V, matrix(12, 0), engine), V);
  const both = beside(U, V);
  t.equal(distance(columnRange(both, 0, 3), U), 0);
  t.equal(distance(columnRange(both, 3, 7), V), 0);
});
