import { MalformedCheckpointError, readTensor, type TensorLocation } from '../checkpoint/index.js';
import { matrix, rowMajor, toFloat32, type FloatDType, type RawTensor } from '../foundation/index.js';
import type { LinearForm, LinearLayer } from '../models/index.js';
import type { Quantizer } from '../quantizers/index.js';
import { loadReference, type ModuleReference, type SessionTensor } from '../runtime/index.js';

/** Where the weight of a fed linear layer comes from; not looked at in the form `stored`. */
export type FedWeight =
  /** Full-precision weight, quantized and dequantized on the way; as it is without a quantizer. */
  | { readonly kind: 'stored'; readonly location: TensorLocation; readonly quantizer: ModuleReference | undefined }
  /** Tensors of a quantized checkpoint by their suffix, dequantized on the way. */
  | { readonly kind: 'quantized'; readonly tensors: Readonly<Record<string, TensorLocation>>; readonly quantizer: ModuleReference };

/** A linear layer of whose arithmetic something is given to the block's graph at each run: weight, LoRA factors or both. */
export interface FedLayer {
  readonly layer: LinearLayer;
  /** Type the weights were quantized from. */
  readonly dtype: FloatDType;
  readonly weight: FedWeight;
  /** Factors as peft stores them, and what peft multiplies their product by. */
  readonly lora: { readonly A: TensorLocation; readonly B: TensorLocation; readonly scaling: number } | undefined;
}

const readRaw = async ({ dtype, shape, ...rest }: TensorLocation): Promise<RawTensor> => ({
  dtype,
  shape,
  bytes: await readTensor({ dtype, shape, ...rest }),
});

const quantizedTensors = async ({ layer, dtype, weight }: FedLayer): Promise<Readonly<Record<string, RawTensor>>> => {
  if (weight.kind === 'quantized') {
    const entries = Object.entries(weight.tensors).map(async ([suffix, location]) => [suffix, await readRaw(location)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }
  if (!weight.quantizer) throw new TypeError(`${layer.module}: an unquantized weight has no quantized tensors.`);
  const W = matrix(layer.outFeatures, layer.inFeatures, toFloat32(await readTensor(weight.location), weight.location.dtype));
  const quantizer = await loadReference<Quantizer>(weight.quantizer);
  return (await quantizer.quantize(W, { module: layer.module, dtype })).tensors;
};

const weightTensors = async (fed: FedLayer, form: LinearForm): Promise<Record<string, SessionTensor>> => {
  const { layer, dtype, weight } = fed;
  if (form === 'stored') return {};
  const shape = [layer.outFeatures, layer.inFeatures] as const;
  const name = `${layer.module}.weight`;
  if (form === 'int8') {
    const { weight: codes, SCB } = await quantizedTensors(fed);
    if (!codes || !SCB)
      throw new MalformedCheckpointError(
        'QL_TENSOR_MISSING',
        `The quantized checkpoint has no "${layer.module}.${codes ? 'SCB' : 'weight'}".`,
      );
    const signed = new Int8Array(codes.bytes.buffer, codes.bytes.byteOffset, codes.bytes.length);
    return {
      [name]: { data: Float32Array.from(signed), shape },
      [`${layer.module}.scale`]: { data: toFloat32(SCB.bytes, 'F32'), shape: [layer.outFeatures] },
    };
  }
  if (weight.kind === 'stored' && !weight.quantizer)
    return { [name]: { data: toFloat32(await readTensor(weight.location), weight.location.dtype), shape } };
  const quantizer = await loadReference<Quantizer>(weight.quantizer!);
  const Q = quantizer.dequantize(await quantizedTensors(fed), shape, { module: layer.module, dtype });
  return { [name]: { data: rowMajor(Q), shape } };
};

const loraTensors = async ({ layer, lora }: FedLayer): Promise<Record<string, SessionTensor>> => {
  if (!lora) return {};
  const read = async ({ dtype, ...location }: TensorLocation): Promise<Float32Array> =>
    toFloat32(await readTensor({ dtype, ...location }), dtype);
  const A = await read(lora.A);
  const B = (await read(lora.B)).map((value) => value * lora.scaling);
  return {
    [`${layer.module}.lora_A`]: { data: A, shape: lora.A.shape },
    [`${layer.module}.lora_B`]: { data: B, shape: lora.B.shape },
  };
};

/** Reads, dequantizes and scales what the graph of one block is fed with. */
export const readFedLayers = async (layers: readonly FedLayer[], form: LinearForm): Promise<Record<string, SessionTensor>> => {
  const feeds: Record<string, SessionTensor> = {};
  for (const fed of layers) Object.assign(feeds, await weightTensors(fed, form), await loraTensors(fed));
  return feeds;
};
