import t from 'tap';
import { int8, nf4, QUANTIZERS } from '../../src/quantizers/index.js';
import { loadReference } from '../../src/runtime/index.js';

t.test('each reference leads to the quantizer of its name', async (t) => {
  t.equal(await loadReference(QUANTIZERS.nf4), nf4);
  t.equal(await loadReference(QUANTIZERS.int8), int8);
});
