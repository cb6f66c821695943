import { createHash } from 'node:crypto';
import t from 'tap';
import { numpyPermutation } from '../../../src/corpus/datasets/numpy-permutation.js';
import { datasetGoldens } from '../dataset-fixtures.js';

t.test("orders are numpy's, to the last number", async (t) => {
  for (const [name, { sha256, first }] of Object.entries(datasetGoldens.permutation)) {
    const [seed, length] = name.split('/').map(Number);
    const order = numpyPermutation(seed!, length!);
    t.same([...order.subarray(0, 8)], first, name);
    t.equal(createHash('sha256').update(new Uint8Array(order.buffer)).digest('hex'), sha256, name);
  }
  t.same([...numpyPermutation(42, 0)], []);
});
