import t from 'tap';
import { matrix, rowMajor, transposed } from '../../src/foundation/index.js';
import { nf4, quantizeResidual, type Quantizer } from '../../src/quantizers/index.js';
import { normalMatrix } from '../linalg/naive-engine.js';

const options = { module: 'layers.0.up', dtype: 'F32' as const };
const expected = async (quantizer: Quantizer): Promise<number[]> => {
  const W = normalMatrix(6, 70, 1);
  const { dequantized } = await quantizer.quantize(W, options);
  return [...rowMajor(W).map((w, i) => w - rowMajor(dequantized)[i]!)];
};
/** What is made from a stock quantizer has no short way of its own. */
const plain: Quantizer = { ...nf4, quantize: (W, options) => nf4.quantize(W, options) };

t.test('a quantizer without the short way gives the same', async (t) => {
  const { tensors, E } = await quantizeResidual(normalMatrix(6, 70, 1), plain, options);
  t.same(tensors, (await nf4.quantize(normalMatrix(6, 70, 1), options)).tensors);
  t.same([...E.data], await expected(nf4));
});

t.test('a view is copied and stays', async (t) => {
  for (const quantizer of [nf4, plain]) {
    const view = transposed(matrix(70, 6, rowMajor(transposed(normalMatrix(6, 70, 1)))));
    const before = view.data.slice();
    t.same([...(await quantizeResidual(view, quantizer, options)).E.data], await expected(nf4));
    t.same(view.data, before);
  }
});

t.test('W itself as Q leaves nothing', async (t) => {
  const exactly: Quantizer = { ...plain, quantize: (W) => ({ tensors: {}, dequantized: W }) };
  t.ok((await quantizeResidual(normalMatrix(3, 4, 2), exactly, options)).E.data.every((e) => e === 0));
});

t.test('NaN is refused as ever', async (t) => {
  const W = normalMatrix(6, 70, 1);
  W.set(5, 69, NaN);
  await t.rejects(quantizeResidual(W, nf4, options), { code: 'QL_NOT_FINITE', message: /row 5, column 69/ });
});
