import ndarray from 'ndarray';
import t from 'tap';
import { columnsOf, fromPlain, isRowMajor, matrix, rowMajor, rowsOf, toPlain, transposed } from '../../src/foundation/index.js';

const counting = (rows: number, columns: number): Float32Array => Float32Array.from({ length: rows * columns }, (_, i) => i);

t.test('a matrix views the values it is given', async (t) => {
  const data = counting(2, 3);
  const a = matrix(2, 3, data);
  t.same([rowsOf(a), columnsOf(a), a.get(1, 0)], [2, 3, 3]);
  a.set(1, 0, 9);
  t.equal(data[3], 9);
  t.equal(rowMajor(a).buffer, data.buffer, 'no copy');
  t.same([...matrix(2, 2).data], [0, 0, 0, 0]);
  t.throws(() => matrix(2, 3, new Float32Array(5)), { code: 'QL_SHAPE', message: /\[2, 3\].* 6 .* 5/ });
});

t.test('strided views are copied into row-major order, row-major ones are not', async (t) => {
  const a = matrix(3, 4, counting(3, 4));
  const rows = a.lo(1, 0).hi(2, 4);
  t.ok(isRowMajor(rows));
  t.equal(rowMajor(rows).buffer, a.data.buffer);
  t.same([...rowMajor(rows)], [4, 5, 6, 7, 8, 9, 10, 11]);
  const inner = a.lo(1, 1).hi(2, 2);
  t.notOk(isRowMajor(inner));
  t.same([...rowMajor(inner)], [5, 6, 9, 10]);
  t.same([...rowMajor(transposed(inner))], [5, 9, 6, 10]);
  t.same([...rowMajor(a.step(2, 1))], [0, 1, 2, 3, 8, 9, 10, 11]);
  t.same([...rowMajor(a.step(-1, 1))], [8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3]);
});

t.test('a transposed row or column is row-major still', async (t) => {
  const row = matrix(1, 4, counting(1, 4));
  t.ok(isRowMajor(transposed(row)));
  t.equal(rowMajor(transposed(row)).buffer, row.data.buffer);
  const column = matrix(3, 4, counting(3, 4)).lo(0, 1).hi(3, 1);
  t.notOk(isRowMajor(column));
  t.same([...rowMajor(column)], [1, 5, 9]);
  t.ok(isRowMajor(matrix(0, 4)));
  t.equal(rowMajor(matrix(0, 4)).length, 0);
});

t.test('taking apart and putting together', async (t) => {
  const a = ndarray(counting(2, 3), [2, 3]);
  const plain = toPlain(transposed(a));
  t.same({ data: [...plain.data], shape: plain.shape }, { data: [0, 3, 1, 4, 2, 5], shape: [3, 2] });
  t.same([...rowMajor(fromPlain(structuredClone(plain)))], [0, 3, 1, 4, 2, 5]);
  t.equal(toPlain(a).data.buffer, a.data.buffer, 'no copy of a row-major one');
});
