import t from 'tap';
import { ortMatrixEngine, unvaryingThreads } from '../../src/runtime/index.js';
import { rowMajor } from '../../src/foundation/index.js';
import { normalMatrix } from '../linalg/naive-engine.js';

t.test('thin products stay on one thread, others take all', (t) => {
  t.equal(unvaryingThreads({ rows: 64, inner: 4096, columns: 80 }, 2), 1, 'slices of 40 columns have other blocks');
  t.equal(unvaryingThreads({ rows: 64, inner: 4096, columns: 160 }, 2), 2);
  t.equal(unvaryingThreads({ rows: 64, inner: 128, columns: 80 }, 2), 2, 'one block of the inner size');
  t.equal(unvaryingThreads({ rows: 4096, inner: 4096, columns: 80 }, 2), 2);
  t.equal(unvaryingThreads({ rows: 3, inner: 40_000, columns: 3 }, 2), 1, 'a slice of one row');
  t.equal(unvaryingThreads({ rows: 512, inner: 4096, columns: 1 }, 2), 1);
  t.end();
});

t.test('an engine gives the same bits whatever its threads', async (t) => {
  const engines = [1, 2, 3].map((threads) => ortMatrixEngine(threads));
  t.teardown(() => Promise.all(engines.map((engine) => engine.close())));
  const shapes = [
    [64, 4096, 80],
    [100, 129, 129],
    [16, 512, 192],
    [3, 40_000, 3],
    [33, 8192, 1],
    [576, 1000, 80],
    [511, 257, 1023],
  ] as const;
  for (const [rows, inner, columns] of shapes)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true]) {
        const A = transposeA ? normalMatrix(inner, rows, 1) : normalMatrix(rows, inner, 1);
        const B = transposeB ? normalMatrix(columns, inner, 2) : normalMatrix(inner, columns, 2);
        const [one, ...others] = await Promise.all(engines.map((engine) => engine.multiply(A, B, { transposeA, transposeB })));
        for (const other of others)
          t.ok(Buffer.from(rowMajor(one!).buffer).equals(Buffer.from(rowMajor(other).buffer)), `${rows} × ${inner} × ${columns}`);
      }
});
