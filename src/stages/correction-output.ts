import { join } from 'node:path';
import type { TensorLocation } from '../checkpoint/index.js';
import {
  ExportError,
  modelCard,
  openPeftAdapterWriter,
  openQuantizedCheckpointWriter,
  targetModules,
  type PeftAdapterWriter,
  type QuantizedCheckpointWriter,
} from '../exporters/index.js';
import type { Initializer, Factors } from '../initializers/index.js';
import type { QuantizedMatrix } from '../quantizers/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import type { CorrectionChoice } from './jobs.js';
import type { SourceModel } from './open-source-model.js';

/** What is written where. */
export interface CorrectionOutputOptions {
  /** Directory that gets adapter/ and, with `writeBase`, base/. */
  readonly directory: string;
  readonly source: SourceModel;
  readonly plan: CorrectionPlan;
  readonly choice: CorrectionChoice;
  readonly initializer: Initializer;
  readonly writeBase: boolean;
  /** `base_model_name_or_path`. */
  readonly baseModelName: string;
  /** `revision` of that name; undefined for the newest. */
  readonly baseModelRevision?: string | undefined;
}

/** One layer's outcome, ready to be written. */
export interface SolvedLayer {
  readonly module: string;
  /** Undefined for a layer that gets no correction. */
  readonly factors: Factors | undefined;
  /** The stock quantization; an initializer's own Q takes its place. */
  readonly quantized: QuantizedMatrix;
}

/** Adapter and base while they are being written. */
export interface CorrectionOutput {
  /** Takes a layer, in any order. */
  write(layer: SolvedLayer): Promise<void>;
  /** Shard files of the source from which tensors are copied as they are; none without a base. */
  readonly copiedFiles: ReadonlySet<string>;
  /** Copies the tensors of one such file that are not quantized; call it at most once a file, while it is on the disk. */
  readonly copyPlain: (file: string) => Promise<void>;
  /** Copies what was not copied yet and gives every file its final name. */
  finish(): Promise<void>;
  /** Gives up; what was not finished leaves no file. */
  abort(): Promise<void>;
}

const openAdapter = async (options: CorrectionOutputOptions): Promise<PeftAdapterWriter> => {
  const { directory, source, plan, choice, initializer, writeBase, baseModelName, baseModelRevision } = options;
  const { unquantizedModules } = source.model;
  const linearModules = [...plan.linears, ...unquantizedModules];
  const lora = { rank: choice.rank, alpha: choice.alpha, useRslora: choice.rslora };
  const quantizer = plan.quantizer.self;
  const card = modelCard({
    ...lora,
    ...{ baseModelName, baseModelRevision, quantizer: quantizer.name, initializer: initializer.name, dtype: plan.dtype },
    quantizationConfig: quantizer.quantizationConfig(plan.dtype, unquantizedModules),
    targetModules: targetModules(plan.corrected, linearModules),
    writtenBase: writeBase,
    requantized: initializer.requantizes,
    part: source.part,
  });
  return openPeftAdapterWriter({
    ...lora,
    directory: join(directory, 'adapter'),
    ...{ baseModelName, baseModelRevision },
    modules: plan.corrected,
    linearModules,
    card,
  });
};

const openBase = async ({ directory, source, plan }: CorrectionOutputOptions): Promise<QuantizedCheckpointWriter> => {
  const { bits, ...quantizer } = plan.quantizer.self;
  return openQuantizedCheckpointWriter({
    directory: join(directory, 'base'),
    checkpoint: source.checkpoint,
    modules: plan.linears,
    bits,
    quantizationConfig: quantizer.quantizationConfig(plan.dtype, source.model.unquantizedModules),
  });
};

/**
 * Checks that the adapter will have a base that stock libraries can load.
 *
 * @throws ExportError QL_TEXT_PART when the language model is a part of the checkpoint and is not written by itself
 */
export const requireLoadableBase = ({ part, checkpoint }: SourceModel, { writeBase }: { readonly writeBase: boolean }): void => {
  if (part === 'text' && !writeBase)
    throw new ExportError(
      'QL_TEXT_PART',
      `${checkpoint.directory} holds more than a language model: its config.json wraps one in text_config. The adapter fits that part alone, so it needs a base of its own: add --write-base.`,
    );
};

const abandon = async (adapter: PeftAdapterWriter, error: unknown): Promise<never> => {
  await adapter.abort();
  throw error;
};

/**
 * Opens the writers of adapter and base.
 *
 * @throws ExportError QL_INITIALIZER_BASE for an initializer with its own Q and no base; else as the writers
 */
export const openCorrectionOutput = async (options: CorrectionOutputOptions): Promise<CorrectionOutput> => {
  if (options.initializer.requantizes && !options.writeBase)
    throw new ExportError(
      'QL_INITIALIZER_BASE',
      `The initializer "${options.initializer.name}" chooses its own quantized weights, so its adapter fits no other base. Add --write-base.`,
    );
  const adapter = await openAdapter(options);
  const base = options.writeBase ? await openBase(options).catch((error: unknown) => abandon(adapter, error)) : undefined;
  const waiting = new Map<string, TensorLocation[]>();
  for (const location of base?.plainTensors ?? []) {
    const others = waiting.get(location.file);
    if (others) others.push(location);
    else waiting.set(location.file, [location]);
  }
  const copyPlain = async (file: string): Promise<void> => {
    const locations = waiting.get(file) ?? [];
    waiting.delete(file);
    for (const location of locations) await base?.addPlain(location);
  };
  return {
    write: async ({ module, factors, quantized }) => {
      if (factors) await adapter.add(module, factors);
      await base?.addModule(module, (factors?.quantized ?? quantized).tensors);
    },
    copiedFiles: new Set(waiting.keys()),
    copyPlain,
    finish: async () => {
      for (const file of [...waiting.keys()]) {
        await options.source.checkpoint.supply?.require([file]);
        await copyPlain(file);
      }
      await base?.close();
      await adapter.close();
    },
    abort: async () => {
      await adapter.abort();
      await base?.abort();
    },
  };
};
