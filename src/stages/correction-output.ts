import { join } from 'node:path';
import type { TensorLocation } from '../checkpoint/index.js';
import {
  expertCard,
  ExportError,
  modelCard,
  openExpertFactorsWriter,
  openPeftAdapterWriter,
  openQuantizedCheckpointWriter,
  targetModules,
  type ExpertFactorsWriter,
  type PeftAdapterWriter,
  type QuantizedCheckpointWriter,
} from '../exporters/index.js';
import type { ExpertMixture } from '../models/index.js';
import type { Initializer, Factors } from '../initializers/index.js';
import type { QuantizedTensors } from '../quantizers/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import type { CorrectionChoice } from './jobs.js';
import type { SourceModel } from './open-source-model.js';

/** What is written where. */
export interface CorrectionOutputOptions {
  /** Directory that gets adapter/, with `writeBase` base/, and with experts that are corrected experts/. */
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
  readonly quantized: QuantizedTensors;
  /** True for a matrix of a routed expert; its factors go to experts/. */
  readonly ofExpert?: boolean | undefined;
}

/** Adapter, base and experts' factors while they are being written. */
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

const mixturesOf = ({ model }: SourceModel): ExpertMixture[] =>
  Array.from({ length: model.blocks }, (_, block) => model.mixture?.(block) ?? []).flat();

const openAdapter = async (options: CorrectionOutputOptions): Promise<PeftAdapterWriter> => {
  const { directory, source, plan, choice, initializer, writeBase, baseModelName, baseModelRevision } = options;
  const { unquantizedModules } = source.model;
  // transformers 4 has linear layers where transformers 5 has 3-D parameters: none of them may be matched.
  const expertModules = mixturesOf(source).flatMap(({ matrices }) => matrices.map(({ layer }) => layer.module));
  const linearModules = [...plan.linears, ...unquantizedModules, ...expertModules];
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
    ...(plan.experts && { experts: { share: plan.experts.share, corrected: plan.experts.asked, unadaptable: plan.experts.unadaptable } }),
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

const openExperts = async (options: CorrectionOutputOptions): Promise<ExpertFactorsWriter | undefined> => {
  const { directory, source, plan, choice, initializer, baseModelName } = options;
  if (!plan.experts?.asked) return undefined;
  const [gate, up, down] = mixturesOf(source)[0]!.matrices.map(({ layer }) => layer.module);
  return openExpertFactorsWriter({
    directory: join(directory, 'experts'),
    modules: plan.experts.shards.flat().map(({ layer }) => layer.module),
    rank: choice.rank,
    card: expertCard({
      ...{ baseModelName, quantizer: plan.quantizer.self.name, initializer: initializer.name, rank: choice.rank, dtype: plan.dtype },
      example: { gate: gate!, up: up!, down: down! },
    }),
  });
};

const checkInitializer = ({ initializer, writeBase, plan }: CorrectionOutputOptions): void => {
  if (!initializer.requantizes) return;
  if (plan.experts?.asked)
    throw new ExportError(
      'QL_INITIALIZER_EXPERTS',
      `The initializer "${initializer.name}" chooses its own quantized weights, but experts/ holds factors only. Choose another one, or leave --experts out.`,
    );
  if (!writeBase)
    throw new ExportError(
      'QL_INITIALIZER_BASE',
      `The initializer "${initializer.name}" chooses its own quantized weights, so its adapter fits no other base. Add --write-base.`,
    );
};

/** Copies the tensors that a base stores as they are, shard by shard. */
const copyByFile = (
  base: QuantizedCheckpointWriter | undefined,
): Pick<CorrectionOutput, 'copiedFiles' | 'copyPlain'> & { readonly waitingFiles: () => string[] } => {
  const waiting = new Map<string, TensorLocation[]>();
  for (const location of base?.plainTensors ?? []) {
    const others = waiting.get(location.file);
    if (others) others.push(location);
    else waiting.set(location.file, [location]);
  }
  return {
    copiedFiles: new Set(waiting.keys()),
    waitingFiles: () => [...waiting.keys()],
    copyPlain: async (file) => {
      const locations = waiting.get(file) ?? [];
      waiting.delete(file);
      for (const location of locations) await base?.addPlain(location);
    },
  };
};

/**
 * Opens the writers of adapter, base and experts' factors.
 *
 * @throws ExportError QL_INITIALIZER_BASE for an initializer with its own Q and no base, QL_INITIALIZER_EXPERTS for one and
 * experts to correct; else as the writers
 */
export const openCorrectionOutput = async (options: CorrectionOutputOptions): Promise<CorrectionOutput> => {
  checkInitializer(options);
  const open: { abort(): Promise<void> }[] = [];
  const abort = async (): Promise<void> => {
    for (const writer of open) await writer.abort();
  };
  try {
    const adapter = await openAdapter(options);
    open.push(adapter);
    const base = options.writeBase ? await openBase(options) : undefined;
    if (base) open.push(base);
    const experts = await openExperts(options);
    if (experts) open.push(experts);
    const { copiedFiles, copyPlain, waitingFiles } = copyByFile(base);
    return {
      write: async ({ module, factors, quantized, ofExpert }) => {
        if (factors) await (ofExpert ? experts! : adapter).add(module, factors);
        if (!ofExpert) await base?.addModule(module, (factors?.quantized ?? quantized).tensors);
      },
      copiedFiles,
      copyPlain,
      finish: async () => {
        for (const file of waitingFiles()) {
          await options.source.checkpoint.supply?.require([file]);
          await copyPlain(file);
        }
        await base?.close();
        await experts?.close();
        await adapter.close();
      },
      abort,
    };
  } catch (error) {
    await abort();
    throw error;
  }
};
