import t from 'tap';
import ndarray from 'ndarray';
import { DTYPE_BYTES, matrix, random, rowMajor, roundTo, type FloatDType, type Matrix } from '../../src/foundation/index.js';
import { quantizeResidual, type QuantizedMatrix, type Quantizer } from '../../src/quantizers/index.js';

const SHAPES = [
  [1, 1],
  [1, 200],
  [7, 9],
  [33, 64],
  [48, 130],
] as const;

/** Normal weights with one large one, in a type. */
const weights = (rows: number, columns: number, dtype: FloatDType, seed: number): Matrix => {
  const stream = random(seed);
  const W = matrix(rows, columns);
  for (let i = 0; i < W.data.length; i++) W.data[i] = 0.05 * stream.normal();
  W.data[W.data.length >> 1]! *= 20;
  roundTo(W.data, dtype);
  return W;
};

const bits = (a: Matrix): Uint32Array => new Uint32Array(rowMajor(a).slice().buffer);

/** Runs what every quantizer must hold, stock or custom. */
export const quantizerContract = (quantizer: Quantizer): void => {
  const options = { module: 'model.layers.0.mlp.up_proj', dtype: 'BF16' } as const;
  const quantize = async (W: Matrix, dtype: FloatDType = 'BF16'): Promise<QuantizedMatrix> => quantizer.quantize(W, { ...options, dtype });

  void t.test(`${quantizer.name}: what is stored reads back as what was promised`, async (t) => {
    for (const dtype of ['BF16', 'F16', 'F32'] as const) {
      for (const [rows, columns] of SHAPES) {
        const { tensors, dequantized } = await quantize(weights(rows, columns, dtype, 1), dtype);
        t.same(dequantized.shape, [rows, columns]);
        const Q = quantizer.dequantize(tensors, [rows, columns], { ...options, dtype });
        t.same(bits(Q), bits(dequantized), `${dtype} [${rows}, ${columns}]`);
      }
    }
  });

  void t.test(`${quantizer.name}: bytes agree with dtypes and shapes`, async (t) => {
    for (const [rows, columns] of SHAPES) {
      const { tensors } = await quantize(weights(rows, columns, 'BF16', 2));
      t.ok(tensors['weight'], 'the weight itself is among them');
      for (const [suffix, { dtype, shape, bytes }] of Object.entries(tensors))
        t.equal(bytes.length, shape.reduce((a, b) => a * b, 1) * DTYPE_BYTES[dtype], `${suffix} [${rows}, ${columns}]`);
    }
  });

  void t.test(`${quantizer.name}: the error is small beside the weights, and the input stays as it was`, async (t) => {
    const W = weights(48, 130, 'BF16', 3);
    const before = W.data.slice();
    const { dequantized } = await quantize(W);
    t.same(W.data, before);
    const Q = rowMajor(dequantized);
    let error = 0;
    let norm = 0;
    before.forEach((w, i) => {
      error += (w - Q[i]!) ** 2;
      norm += w ** 2;
    });
    t.ok(Math.sqrt(error / norm) < 2 ** (1 - quantizer.bits), `relative error ${Math.sqrt(error / norm)}`);
  });

  void t.test(`${quantizer.name}: same input, same bytes; views count by their values`, async (t) => {
    const W = weights(33, 64, 'BF16', 4);
    const first = await quantize(W);
    t.same(await quantize(matrix(33, 64, W.data.slice())), first);
    const padded = ndarray(new Float32Array(70 * 100 + 3).fill(9), [33, 64], [2 * 100, -1], 3 + 64);
    const byColumns = ndarray(new Float32Array(64 * 33), [33, 64], [1, 33]);
    for (let i = 0; i < 33; i++) {
      for (let j = 0; j < 64; j++) {
        padded.set(i, j, W.get(i, j));
        byColumns.set(i, j, W.get(i, j));
      }
    }
    t.same((await quantize(padded)).tensors, first.tensors, 'gaps and a negative stride');
    t.same((await quantize(byColumns)).tensors, first.tensors, 'column-major');
  });

  void t.test(`${quantizer.name}: the residual in place is W − Q to the bit, with the same tensors`, async (t) => {
    for (const dtype of ['BF16', 'F16', 'F32'] as const)
      for (const [rows, columns] of SHAPES) {
        const W = weights(rows, columns, dtype, 7);
        const { tensors, dequantized } = await quantize(W, dtype);
        const expected = W.data.map((w, i) => w - dequantized.data[i]!);
        const before = W.data;
        const residual = await quantizeResidual(W, quantizer, { ...options, dtype });
        t.same(residual.tensors, tensors, `${dtype} [${rows}, ${columns}]`);
        t.same(bits(residual.E), bits(matrix(rows, columns, expected)));
        t.equal(residual.E.data, before, 'in the memory of W');
      }
  });

  void t.test(`${quantizer.name}: a matrix of zeros stays zero`, async (t) => {
    const { dequantized } = await quantize(matrix(5, 70));
    t.ok(rowMajor(dequantized).every((x) => x === 0));
  });

  void t.test(`${quantizer.name}: NaN and infinity are refused by module and place`, async (t) => {
    for (const value of [NaN, Infinity, -Infinity]) {
      for (const [row, column] of [
        [0, 0],
        [2, 69],
        [4, 3],
      ] as const) {
        const W = weights(5, 70, 'BF16', 5);
        W.set(row, column, value);
        const place = new RegExp(`${options.module}.*row ${row}, column ${column} is ${value}`);
        await t.rejects(quantize(W), { code: 'QL_NOT_FINITE', retryable: false, message: place });
      }
    }
  });

  void t.test(`${quantizer.name}: missing or misshapen tensors are refused by name`, async (t) => {
    const { tensors } = await quantize(weights(7, 9, 'BF16', 6));
    const read = (changed: typeof tensors) => () => quantizer.dequantize(changed, [7, 9], options);
    for (const suffix of Object.keys(tensors)) {
      const { [suffix]: gone, ...rest } = tensors;
      t.throws(read(rest), { name: /Error$/, code: /^QL_/, message: suffix }, `without ${suffix}`);
      t.ok(gone);
      const longer = { ...gone!, shape: [...gone!.shape, 2], bytes: new Uint8Array(gone!.bytes.length * 2) };
      t.throws(read({ ...rest, [suffix]: longer }), { code: /^QL_/, message: suffix }, `${suffix} too long`);
    }
  });

  void t.test(`${quantizer.name}: the configuration is JSON with a float threshold`, async (t) => {
    for (const dtype of ['BF16', 'F16', 'F32'] as const) {
      const text = quantizer.quantizationConfig(dtype, ['lm_head', 'model.project_in']);
      if (text === undefined) continue;
      const config = JSON.parse(text) as Record<string, unknown>;
      t.equal(config['quant_method'], 'bitsandbytes');
      t.strictSame(config['llm_int8_skip_modules'], ['lm_head', 'model.project_in']);
      t.match(text, /"llm_int8_threshold": 6\.0[,\s}]/);
    }
  });
};
