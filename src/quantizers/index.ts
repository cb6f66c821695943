export type { Quantize, QuantizedMatrix, Quantizer, QuantizeOptions } from './contract.js';
export type { RawTensor } from '../foundation/index.js';
export { int8 } from './int8.js';
export { nf4 } from './nf4.js';
export { quantizeResidual, type QuantizedResidual } from './quantize-residual.js';
export { QuantizationError } from './quantization-error.js';
export { QUANTIZERS } from './references.js';
