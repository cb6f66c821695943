export type { Quantize, QuantizedMatrix, QuantizedTensors, Quantizer, QuantizeOptions } from './contract.js';
export type { RawTensor } from '../foundation/index.js';
export { int8 } from './int8.js';
export { nf4 } from './nf4.js';
export { QuantizationError } from './quantization-error.js';
export { quantizeResidual, quantizeWeight, residualOf, type QuantizedResidual, type QuantizedWeight } from './quantize-residual.js';
export { QUANTIZERS } from './references.js';
