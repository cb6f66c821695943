import type { FedLayer, FedWeight } from '../calibration/index.js';
import { MalformedCheckpointError, requireTensor, type Checkpoint, type TensorLocation } from '../checkpoint/index.js';
import { isFloatDType, type FloatDType } from '../foundation/index.js';
import { UnsupportedModelError, type CausalModel, type LinearForm, type LinearLayer } from '../models/index.js';
import { QUANTIZERS } from '../quantizers/index.js';
import type { ModuleReference } from '../runtime/index.js';
import { AdapterError } from './adapter-error.js';
import type { PeftAdapter } from './peft-adapter.js';

/** A way to run a model: where its linear layers take their arithmetic from. */
export interface ModelVariant {
  /** For people: `full precision`, `NF4`, `LLM.int8`, … */
  readonly label: string;
  readonly form: LinearForm;
  /** What the graph of a block is fed with. */
  fed(block: number): readonly FedLayer[];
}

const weightOf = (checkpoint: Checkpoint, { module, outFeatures, inFeatures }: LinearLayer): TensorLocation =>
  requireTensor(checkpoint, `${module}.weight`, [outFeatures, inFeatures]);

const floatTypeOf = ({ name, dtype }: TensorLocation): FloatDType => {
  if (isFloatDType(dtype)) return dtype;
  throw new MalformedCheckpointError('QL_DTYPE', `"${name}" is stored as ${dtype}; weights in BF16, F16 or F32 are supported.`);
};

/** The checkpoint as it is. */
export const fullPrecision = (): ModelVariant => ({ label: 'full precision', form: 'stored', fed: () => [] });

/**
 * A full-precision checkpoint, quantized block by block on the way.
 *
 * @param form `fed` for the dequantized weights, `int8` for LLM.int8 as it runs
 */
export const quantizedOnTheWay = (
  checkpoint: Checkpoint,
  model: CausalModel,
  quantizer: ModuleReference,
  form: 'fed' | 'int8',
  label: string,
): ModelVariant => ({
  label,
  form,
  fed: (block) =>
    model.linears(block).map((layer): FedLayer => {
      const location = weightOf(checkpoint, layer);
      return { layer, dtype: floatTypeOf(location), weight: { kind: 'stored', location, quantizer }, lora: undefined };
    }),
});

const TORCH_TYPES: ReadonlyMap<string, FloatDType> = new Map([
  ['bfloat16', 'BF16'],
  ['float16', 'F16'],
  ['float32', 'F32'],
]);

const storedDType = (checkpoint: Checkpoint): FloatDType => {
  const name = checkpoint.config['dtype'] ?? checkpoint.config['torch_dtype'] ?? 'float16';
  const dtype = typeof name === 'string' ? TORCH_TYPES.get(name) : undefined;
  if (!dtype)
    throw new UnsupportedModelError(`config.json says dtype ${JSON.stringify(name)}; bfloat16, float16 and float32 are supported.`);
  return dtype;
};

/**
 * A bitsandbytes checkpoint, from the bytes it stores; undefined for a full-precision one.
 *
 * @throws UnsupportedModelError for another quantization method
 */
export const storedQuantized = (checkpoint: Checkpoint, model: CausalModel): ModelVariant | undefined => {
  const settings = checkpoint.config['quantization_config'] as Record<string, unknown> | null | undefined;
  if (settings === undefined || settings === null) return undefined;
  const eight = settings['load_in_8bit'] === true;
  if (settings['quant_method'] !== 'bitsandbytes' || (!eight && settings['bnb_4bit_quant_type'] !== 'nf4'))
    throw new UnsupportedModelError(
      `config.json says quantization_config ${JSON.stringify(settings)}; bitsandbytes' NF4 and LLM.int8 are supported. Give the full-precision checkpoint.`,
    );
  const dtype = storedDType(checkpoint);
  const quantizer = eight ? QUANTIZERS.int8 : QUANTIZERS.nf4;
  const tensorsOf = ({ module }: LinearLayer): Record<string, TensorLocation> => {
    const found: Record<string, TensorLocation> = {};
    for (const [name, location] of checkpoint.tensors)
      if (name.startsWith(`${module}.`) && name !== `${module}.bias`) found[name.slice(module.length + 1)] = location;
    return found;
  };
  return {
    label: eight ? 'LLM.int8' : 'NF4',
    form: eight ? 'int8' : 'fed',
    fed: (block) =>
      model.linears(block).map((layer): FedLayer => {
        const weight: FedWeight = { kind: 'quantized', tensors: tensorsOf(layer), quantizer };
        return { layer, dtype, weight, lora: undefined };
      }),
  };
};

/**
 * The same with a LoRA adapter on top, scaled as peft scales it.
 *
 * @throws AdapterError QL_ADAPTER_TENSOR when a factor does not fit the model, or the adapter names other modules
 */
export const withAdapter = (variant: ModelVariant, checkpoint: Checkpoint, model: CausalModel, adapter: PeftAdapter): ModelVariant => {
  const layers = Array.from({ length: model.blocks }, (_, block) => model.linears(block)).flat();
  const known = new Map(layers.map((layer) => [layer.module, layer]));
  for (const [module, { A, B }] of adapter.modules) {
    const layer = known.get(module);
    if (!layer) throw new AdapterError('QL_ADAPTER_TENSOR', `The adapter has factors for "${module}", which this model does not have.`);
    if (A.shape[1] !== layer.inFeatures || B.shape[0] !== layer.outFeatures)
      throw new AdapterError(
        'QL_ADAPTER_TENSOR',
        `${module} is [${layer.outFeatures}, ${layer.inFeatures}], but the adapter's factors make [${B.shape[0]}, ${A.shape[1]}]. It belongs to another model.`,
      );
  }
  const plain = (layer: LinearLayer): FedLayer => {
    const location = weightOf(checkpoint, layer);
    return { layer, dtype: floatTypeOf(location), weight: { kind: 'stored', location, quantizer: undefined }, lora: undefined };
  };
  return {
    label: `${variant.label} + adapter`,
    form: variant.form,
    fed: (block) => {
      const fed = variant.form === 'stored' ? model.linears(block).map(plain) : variant.fed(block);
      return fed.map((layer) => ({ ...layer, lora: adapter.modules.get(layer.layer.module) }));
    },
  };
};
