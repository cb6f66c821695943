import type { FloatDType, Matrix, RawTensor } from '../foundation/index.js';

/** What is stored of one weight matrix. */
export interface QuantizedTensors {
  /** Stored tensors by their suffix to the module's name: `weight`, `weight.absmax`, `SCB`, … */
  readonly tensors: Readonly<Record<string, RawTensor>>;
}

/** One weight matrix after quantization: what is stored, and what the loading library will compute from it. */
export interface QuantizedMatrix extends QuantizedTensors {
  /** Q = dequantize(quantize(W)) exactly as loaded, [out, in], float32. */
  readonly dequantized: Matrix;
}

/** What a quantizer must know of the matrix besides its values. */
export interface QuantizeOptions {
  /** Full module name, for messages. */
  readonly module: string;
  /** Type the checkpoint stores W in; the loading library quantizes from it and rounds Q to it. */
  readonly dtype: FloatDType;
}

/** The function by which a quantizer quantizes. */
export interface Quantize {
  /**
   * Quantizes W.
   *
   * What it returns moves between threads: give arrays of their own, keep no reference to them or to W.
   *
   * @param W [out, in], float32, exactly representable in `options.dtype`
   * @throws QuantizationError QL_NOT_FINITE when W holds NaN or infinity; retrying does not help
   */
  (W: Matrix, options: QuantizeOptions): QuantizedMatrix | Promise<QuantizedMatrix>;
  /**
   * Does the same where Q itself is not needed: gives the very same tensors and leaves W − Q in place of W, so that Q is never
   * held whole. May be left out; `quantizeResidual` then subtracts. W is row-major, and spent also when the call fails.
   */
  readonly inPlace?: (W: Matrix, options: QuantizeOptions) => QuantizedMatrix['tensors'] | Promise<QuantizedMatrix['tensors']>;
}

/**
 * A way to quantize one weight matrix, and to read it back.
 *
 * A new quantizer is one object of this shape; nothing is registered.
 */
export interface Quantizer {
  /** Short name for reports: `nf4`, `int8`, … */
  readonly name: string;
  /** Bits per weight, without scales. */
  readonly bits: number;
  /** Quantizes W. */
  readonly quantize: Quantize;
  /**
   * Reads stored tensors back.
   *
   * @param tensors what `quantize` returned as `tensors`
   * @param shape [out, in]
   * @returns Q, [out, in], float32
   */
  dequantize(tensors: Readonly<Record<string, RawTensor>>, shape: readonly [number, number], options: QuantizeOptions): Matrix;
  /**
   * Value of `quantization_config` in config.json as literal JSON text, or undefined where the stored tensors are
   * plain weights. Text, because 6.0 must not become 6.
   *
   * @param skipModules full names of the linear modules that are not quantized
   */
  quantizationConfig(dtype: FloatDType, skipModules: readonly string[]): string | undefined;
}
