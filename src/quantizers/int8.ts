import { columnsOf, matrix, roundTo, rowMajor, rowsOf, toFloat32, type Matrix, type RawTensor } from '../foundation/index.js';
import type { Quantize, QuantizedMatrix, QuantizeOptions, Quantizer } from './contract.js';
import { notFiniteError, QuantizationError } from './quantization-error.js';
import { float32Tensor, storedTensor } from './stored-tensor.js';

const fround = Math.fround;

/** Adding and subtracting 1.5 · 2⁵² rounds a float64 to an integer, ties to even. */
const ROUNDER = 1.5 * 2 ** 52;

/** 1/127 as bitsandbytes writes it; a float32 value. */
const ONE_OVER_127 = 7.874015718698502e-3;

/** Largest magnitude of a row that is in float16 already. */
const rowPeak = (row: Float32Array, W: Float32Array, start: number, module: string, columns: number): number => {
  let peak = 0;
  for (let j = 0; j < columns; j++) {
    const magnitude = Math.abs(row[j]!);
    if (magnitude < Infinity) peak = magnitude > peak ? magnitude : peak;
    else if (!Number.isFinite(W[start + j])) throw notFiniteError(module, W[start + j]!, start + j, columns);
    else
      throw new QuantizationError(
        'QL_F16_RANGE',
        `${module}: the weight at row ${start / columns}, column ${j} is ${W[start + j]}, beyond float16's ±65504. ` +
          'LLM.int8 stores weights by way of float16 and would make it infinite: use 4 bits.',
      );
  }
  return peak;
};

/** Restores one matrix: f32(f32(q · SCB) · 1/127), `int8_vectorwise_dequant` of bitsandbytes. */
const decode = (codes: Int8Array, SCB: Float32Array, columns: number): Float32Array<ArrayBuffer> => {
  const Q = new Float32Array(codes.length);
  for (let i = 0, start = 0; i < SCB.length; i++, start += columns) {
    const scale = SCB[i]!;
    for (let k = start; k < start + columns; k++) Q[k] = fround(codes[k]! * scale) * ONE_OVER_127;
  }
  return Q;
};

/** Turns W into W − Q, with the Q that `decode` restores. */
const subtract = (W: Float32Array, codes: Int8Array, SCB: Float32Array, columns: number): void => {
  for (let i = 0, start = 0; i < SCB.length; i++, start += columns) {
    const scale = SCB[i]!;
    for (let k = start; k < start + columns; k++) W[k] = W[k]! - fround(fround(codes[k]! * scale) * ONE_OVER_127);
  }
};

/** Integers and row scales of a matrix. */
const encode = (W: Matrix, module: string): { readonly codes: Int8Array<ArrayBuffer>; readonly SCB: Float32Array } => {
  const [rows, columns] = [rowsOf(W), columnsOf(W)];
  const values = rowMajor(W);
  const codes = new Int8Array(rows * columns);
  const SCB = new Float32Array(rows);
  const row = new Float32Array(columns);
  for (let i = 0, start = 0; i < rows; i++, start += columns) {
    row.set(values.subarray(start, start + columns));
    roundTo(row, 'F16');
    SCB[i] = rowPeak(row, values, start, module, columns);
    if (SCB[i] === 0) continue;
    const scale = fround(127 * fround(1 / SCB[i]!));
    for (let j = 0; j < columns; j++) codes[start + j] = fround(row[j]! * scale) + ROUNDER - ROUNDER;
  }
  return { codes, SCB };
};

const tensorsOf = (W: Matrix, codes: Int8Array<ArrayBuffer>, SCB: Float32Array): Record<string, RawTensor> => ({
  weight: { dtype: 'I8', shape: [rowsOf(W), columnsOf(W)], bytes: new Uint8Array(codes.buffer) },
  SCB: float32Tensor(SCB),
  weight_format: { dtype: 'U8', shape: [], bytes: Uint8Array.of(0) },
});

const quantize: Quantize = Object.assign(
  (W: Matrix, { module }: QuantizeOptions): QuantizedMatrix => {
    const { codes, SCB } = encode(W, module);
    return { tensors: tensorsOf(W, codes, SCB), dequantized: matrix(rowsOf(W), columnsOf(W), decode(codes, SCB, columnsOf(W))) };
  },
  {
    inPlace: (W: Matrix, { module }: QuantizeOptions) => {
      const { codes, SCB } = encode(W, module);
      subtract(rowMajor(W), codes, SCB, columnsOf(W));
      return tensorsOf(W, codes, SCB);
    },
  },
);

/**
 * Quantizes to row-wise 8-bit integers as bitsandbytes stores them for LLM.int8 (`load_in_8bit=True`).
 *
 * W is cast to float16; SCB[i] = max |W16[i, :]|; q = round-half-even(W16 · f32(127 · f32(1/SCB))), since torch divides
 * a number by a tensor through the reciprocal. Q = q · SCB/127 stays float32, for the loading library keeps the
 * integers. Source: LLM.int8 (arXiv 2208.07339); bitsandbytes/backends/default/ops.py.
 */
export const int8: Quantizer = {
  name: 'int8',
  bits: 8,
  quantize,
  dequantize(tensors, shape, { module }) {
    const { bytes } = storedTensor(tensors, module, 'weight', 'I8', shape);
    const format = storedTensor(tensors, module, 'weight_format', 'U8', []).bytes[0];
    if (format !== 0)
      throw new QuantizationError('QL_QUANTIZED_TENSORS', `${module}.weight_format is ${format}; only row-major weights (0) can be read.`);
    const SCB = toFloat32(storedTensor(tensors, module, 'SCB', 'F32', [shape[0]]).bytes, 'F32');
    return matrix(...shape, decode(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), SCB, shape[1]));
  },
  quantizationConfig: (_dtype, skipModules) => `{
  "_load_in_4bit": false,
  "_load_in_8bit": true,
  "bnb_4bit_compute_dtype": "float32",
  "bnb_4bit_quant_storage": "uint8",
  "bnb_4bit_quant_type": "fp4",
  "bnb_4bit_use_double_quant": false,
  "llm_int8_enable_fp32_cpu_offload": false,
  "llm_int8_has_fp16_weight": false,
  "llm_int8_skip_modules": ${JSON.stringify(skipModules, null, 2).replaceAll('\n', '\n  ')},
  "llm_int8_threshold": 6.0,
  "load_in_4bit": false,
  "load_in_8bit": true,
  "quant_method": "bitsandbytes"
}`,
};
