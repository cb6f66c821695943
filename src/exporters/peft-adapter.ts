import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assembleSafetensors, type TensorLocation } from '../checkpoint/index.js';
import {
  columnsOf,
  rowMajor,
  rowsOf,
  ShapeMismatchError,
  transposed,
  writeFileAtomically,
  writing,
  type Matrix,
  type RawTensor,
} from '../foundation/index.js';
import { ExportError } from './export-error.js';
import { loraScaling, type LoraOptions } from './lora-scaling.js';
import { targetModules } from './target-modules.js';

/** What an adapter's files say besides the factors. */
export interface PeftAdapterOptions extends LoraOptions {
  /** Made when absent. */
  readonly directory: string;
  /** Goes into `base_model_name_or_path` as it is. */
  readonly baseModelName: string;
  /** Goes into `revision`, which peft loads the base at; undefined for the newest. */
  readonly baseModelRevision?: string | undefined;
  /** Full names of the modules that get factors. */
  readonly modules: readonly string[];
  /** Full names of every linear layer of the model, the head included: none of the others may be matched. */
  readonly linearModules: readonly string[];
  /** Text of README.md, see `modelCard`. */
  readonly card: string;
}

/** Writes an adapter from factors that come module by module, in any order. */
export interface PeftAdapterWriter {
  /**
   * Makes the tensors of one module's factors, divided by the scaling: W ≈ Q + A Bᵀ = Q + s · lora_B · lora_A.
   *
   * @param factors A [out, rank] and B [in, rank], unscaled
   * @throws ShapeMismatchError
   */
  tensorsOf(module: string, factors: { readonly A: Matrix; readonly B: Matrix }): Readonly<Record<string, RawTensor>>;
  /**
   * Takes note of where one module's tensors lie; they are read by `close`.
   *
   * @param module full name
   * @throws ExportError QL_UNPLANNED_TENSOR for a module that is not among the options', or tensors of another one
   */
  add(module: string, tensors: readonly TensorLocation[]): void;
  /** Writes the files under their names. @throws ExportError QL_MISSING_TENSOR when a module's factors never came; FileWriteError */
  close(): Promise<void>;
}

/** Name of one factor in adapter_model.safetensors. */
export const adapterTensorName = (module: string, factor: 'lora_A' | 'lora_B'): string => `base_model.model.${module}.${factor}.weight`;

/** Text of adapter_config.json, keys sorted as PEFT sorts them. The factors are given: PEFT must not make its own. */
const adapterConfigText = (options: PeftAdapterOptions): string => {
  const { baseModelName, baseModelRevision = null, modules, linearModules, rank, alpha, useRslora } = options;
  const config = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModelName,
    bias: 'none',
    exclude_modules: null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: baseModelRevision,
    target_modules: targetModules(modules, linearModules),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: useRslora,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
};

/** A factor times a number as a float32 tensor, row-major. */
const scaledTensor = (factor: Matrix, scale: number): RawTensor => ({
  dtype: 'F32',
  shape: [...factor.shape],
  bytes: new Uint8Array(rowMajor(factor).map((value) => value * scale).buffer),
});

const factorTensors = (module: string, A: Matrix, B: Matrix, options: PeftAdapterOptions): Record<string, RawTensor> => {
  if (columnsOf(A) !== options.rank || columnsOf(B) !== options.rank)
    throw new ShapeMismatchError(
      `${module}: A [${rowsOf(A)}, ${columnsOf(A)}] and B [${rowsOf(B)}, ${columnsOf(B)}] must have ${options.rank} columns, the adapter's rank.`,
    );
  const scale = Math.sqrt(1 / loraScaling(options));
  return {
    [adapterTensorName(module, 'lora_A')]: scaledTensor(transposed(B), scale),
    [adapterTensorName(module, 'lora_B')]: scaledTensor(A, scale),
  };
};

/**
 * Opens a writer of a stock PEFT LoRA adapter: adapter_config.json, adapter_model.safetensors (float32), README.md.
 *
 * PEFT multiplies the product of the factors by s, so each is divided by √s here, once. adapter_config.json comes
 * last: a directory without it is no adapter.
 *
 * @throws ExportError QL_LORA_SCALING; FileWriteError
 */
export const openPeftAdapterWriter = async (options: PeftAdapterOptions): Promise<PeftAdapterWriter> => {
  const { directory } = options;
  loraScaling(options);
  await writing(directory, () => mkdir(directory, { recursive: true }));
  const awaited = new Set(options.modules);
  const placed: TensorLocation[] = [];
  return {
    tensorsOf: (module, { A, B }) => factorTensors(module, A, B, options),
    add: (module, tensors) => {
      const names = (['lora_A', 'lora_B'] as const).map((factor) => adapterTensorName(module, factor));
      if (!names.every((name) => tensors.some((tensor) => tensor.name === name)) || tensors.length !== names.length)
        throw new ExportError(
          'QL_UNPLANNED_TENSOR',
          `${tensors.map(({ name }) => name).join(', ')}: these are not the factors of ${module}.`,
        );
      if (!awaited.delete(module))
        throw new ExportError(
          'QL_UNPLANNED_TENSOR',
          `${module} is not among the ${options.modules.length} modules of this adapter, or came twice.`,
        );
      placed.push(...tensors);
    },
    close: async () => {
      if (awaited.size)
        throw new ExportError(
          'QL_MISSING_TENSOR',
          `${awaited.size} of ${options.modules.length} modules got no factors: ${[...awaited].slice(0, 3).join(', ')}.`,
        );
      await assembleSafetensors(join(directory, 'adapter_model.safetensors'), placed);
      await writeFileAtomically(join(directory, 'README.md'), options.card);
      await writeFileAtomically(join(directory, 'adapter_config.json'), adapterConfigText(options));
    },
  };
};
