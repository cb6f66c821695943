import { columnsOf, matrix, rowMajor, rowsOf, toFloat32, type FloatDType, type Matrix, type RawTensor } from '../foundation/index.js';
import type { Quantize, QuantizedMatrix, QuantizeOptions, Quantizer } from './contract.js';
import { NESTED_BLOCK_SIZE, nestScales, unnestScales } from './double-quantization.js';
import { DYNAMIC_MAP } from './dynamic-map.js';
import { BLOCK_SIZE, decodeNf4, encodeNf4, NF4_VALUES, subtractNf4, type Nf4Codes } from './nf4-codes.js';
import { pythonFloatText } from './python-float-text.js';
import { QuantizationError } from './quantization-error.js';
import { float32Tensor, storedTensor } from './stored-tensor.js';

/** Names of the float types in torch, as bitsandbytes and transformers write them. */
const TORCH_DTYPE: Readonly<Record<FloatDType, string>> = { BF16: 'bfloat16', F16: 'float16', F32: 'float32' };

const STATE = 'weight.quant_state.bitsandbytes__nf4';

/** Text of the state that bitsandbytes stores beside the weight, byte for byte as Python's json.dumps prints it. */
const stateText = (shape: readonly number[], dtype: FloatDType, offset: number): string =>
  `{"quant_type": "nf4", "blocksize": ${BLOCK_SIZE}, "dtype": "${TORCH_DTYPE[dtype]}", "shape": [${shape.join(', ')}], ` +
  `"nested_blocksize": ${NESTED_BLOCK_SIZE}, "nested_dtype": "float32", "nested_offset": ${pythonFloatText(offset)}}`;

/** Reads the state and checks that it describes what `dequantize` computes. */
const readState = (tensor: RawTensor, module: string, shape: readonly number[]): { dtype: FloatDType; offset: number } => {
  const text = Buffer.from(tensor.bytes).toString('utf8');
  const problem = (what: string): QuantizationError =>
    new QuantizationError('QL_QUANTIZED_TENSORS', `${module}.${STATE} ${what}: ${text.slice(0, 400)}`);
  let state: Record<string, unknown>;
  try {
    state = { ...(JSON.parse(text) as Record<string, unknown>) };
  } catch {
    throw problem('is not JSON');
  }
  const dtype = (['BF16', 'F16', 'F32'] as const).find((dtype) => TORCH_DTYPE[dtype] === state['dtype']);
  const offset = state['nested_offset'];
  const described = JSON.stringify([state['quant_type'], state['blocksize'], state['nested_blocksize'], state['shape']]);
  if (!dtype || typeof offset !== 'number' || described !== JSON.stringify(['nf4', BLOCK_SIZE, NESTED_BLOCK_SIZE, shape]))
    throw problem(
      `does not describe doubly quantized NF4 of shape [${shape.join(', ')}] in blocks of ${BLOCK_SIZE} and ${NESTED_BLOCK_SIZE}`,
    );
  return { dtype, offset: Math.fround(offset) };
};

/** What is stored of W, and the codes and scales that the loading library will find in it. */
const encode = (W: Matrix, { module, dtype }: QuantizeOptions): { tensors: Record<string, RawTensor>; loaded: Nf4Codes } => {
  const shape = [rowsOf(W), columnsOf(W)] as const;
  const { packed, absmax } = encodeNf4(rowMajor(W), module, shape[1]);
  const nested = nestScales(absmax);
  const state = Buffer.from(stateText(shape, dtype, nested.offset));
  const tensors: Record<string, RawTensor> = {
    weight: { dtype: 'U8', shape: [packed.length, 1], bytes: packed },
    'weight.absmax': { dtype: 'U8', shape: [nested.codes.length], bytes: nested.codes },
    'weight.quant_map': float32Tensor(NF4_VALUES.slice()),
    'weight.nested_absmax': float32Tensor(nested.absmax),
    'weight.nested_quant_map': float32Tensor(DYNAMIC_MAP.slice()),
    [STATE]: { dtype: 'U8', shape: [state.length], bytes: Uint8Array.from(state) },
  };
  return { tensors, loaded: { packed, absmax: unnestScales(nested) } };
};

const quantize: Quantize = Object.assign(
  (W: Matrix, options: QuantizeOptions): QuantizedMatrix => {
    const { tensors, loaded } = encode(W, options);
    return { tensors, dequantized: matrix(rowsOf(W), columnsOf(W), decodeNf4(loaded, W.size, options.dtype)) };
  },
  {
    inPlace: (W: Matrix, options: QuantizeOptions) => {
      const { tensors, loaded } = encode(W, options);
      subtractNf4(rowMajor(W), loaded, options.dtype);
      return tensors;
    },
  },
);

/**
 * Quantizes to 4-bit NormalFloat with double quantization, byte for byte as bitsandbytes' CUDA kernels store it
 * (`bnb_4bit_quant_type="nf4"`, `bnb_4bit_use_double_quant=True`), for blocks of 64 weights.
 *
 * Its CPU code differs from the CUDA kernels in zero blocks, in a last block that is not full and in second-level
 * codes; this follows CUDA there, where published checkpoints come from. Source: QLoRA (arXiv 2305.14314).
 */
export const nf4: Quantizer = {
  name: 'nf4',
  bits: 4,
  quantize,
  dequantize(tensors, shape, { module }): Matrix {
    const count = shape[0] * shape[1];
    const blocks = Math.ceil(count / BLOCK_SIZE);
    const state = storedTensor(tensors, module, STATE, 'U8', [tensors[STATE]?.bytes.length ?? 0]);
    const { dtype, offset } = readState(state, module, shape);
    const read = (suffix: string, length: number): Float32Array =>
      toFloat32(storedTensor(tensors, module, suffix, 'F32', [length]).bytes, 'F32');
    if (!read('weight.quant_map', 16).every((value, code) => value === NF4_VALUES[code]))
      throw new QuantizationError('QL_QUANTIZED_TENSORS', `${module}.weight.quant_map does not hold the 16 values of NF4.`);
    const nested = {
      codes: storedTensor(tensors, module, 'weight.absmax', 'U8', [blocks]).bytes,
      absmax: read('weight.nested_absmax', Math.ceil(blocks / NESTED_BLOCK_SIZE)),
      offset,
    };
    const packed = storedTensor(tensors, module, 'weight', 'U8', [(count + 1) >> 1, 1]).bytes;
    const absmax = unnestScales(nested, read('weight.nested_quant_map', 256));
    return matrix(...shape, decodeNf4({ packed, absmax }, count, dtype));
  },
  quantizationConfig: (dtype, skipModules) => `{
  "_load_in_4bit": true,
  "_load_in_8bit": false,
  "bnb_4bit_compute_dtype": "${TORCH_DTYPE[dtype]}",
  "bnb_4bit_quant_storage": "uint8",
  "bnb_4bit_quant_type": "nf4",
  "bnb_4bit_use_double_quant": true,
  "llm_int8_enable_fp32_cpu_offload": false,
  "llm_int8_has_fp16_weight": false,
  "llm_int8_skip_modules": ${JSON.stringify(skipModules, null, 2).replaceAll('\n', '\n  ')},
  "llm_int8_threshold": 6.0,
  "load_in_4bit": true,
  "load_in_8bit": false,
  "quant_method": "bitsandbytes"
}`,
};
