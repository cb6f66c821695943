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
  type FinishedShard,
  type PlannedShard,
  type PeftAdapterWriter,
  type QuantizedCheckpointWriter,
} from '../exporters/index.js';
import { closeInTurn } from '../foundation/index.js';
import { hashFile, PartStore, readRecord, writeRecord } from '../journal/index.js';
import type { ExpertMixture } from '../models/index.js';
import type { Initializer, Factors } from '../initializers/index.js';
import { StoppedError } from '../runtime/index.js';
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
  /** Directory for what is finished until the files it belongs to are; what an earlier run left there is taken over. */
  readonly workDirectory: string;
  /** Told of each file there whose bytes are not what was written; what was in it is done again. */
  readonly onDamaged?: (file: string) => void;
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
  /** What shall be known of the layer when the run is taken up again, as JSON. */
  readonly note?: unknown;
}

/** Adapter, base and experts' factors while they are being written. */
export interface CorrectionOutput {
  /** Layers that an earlier run finished, with their notes; null for those that get no correction. */
  readonly finished: ReadonlyMap<string, unknown>;
  /** Takes a layer, in any order; it is on the disk when the promise settles. */
  write(layer: SolvedLayer): Promise<void>;
  /** Shard files of the source from which tensors are copied as they are; none without a base. */
  readonly copiedFiles: ReadonlySet<string>;
  /** Copies the tensors of one such file that are not quantized; call it at most once a file, while it is on the disk. */
  readonly copyPlain: (file: string) => Promise<void>;
  /** Copies what was not copied yet and gives every file its final name. */
  finish(): Promise<void>;
  /** Settles when nothing is being written any more. @throws FileWriteError of what was being written when it was called */
  settled(): Promise<void>;
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

const openBase = async (
  { directory, source, plan }: CorrectionOutputOptions,
  onShard: (shard: FinishedShard) => Promise<void>,
): Promise<QuantizedCheckpointWriter> => {
  const { bits, ...quantizer } = plan.quantizer.self;
  return openQuantizedCheckpointWriter({
    directory: join(directory, 'base'),
    checkpoint: source.checkpoint,
    modules: plan.linears,
    bits,
    onShard,
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

/** Kinds of parts: factors of a module or an expert's matrix, quantized weights of a module, plain tensors of a base. */
const PART_KINDS = ['factors', 'base', 'plain'] as const;

/** Everything that is being written. */
interface OpenOutput {
  readonly options: CorrectionOutputOptions;
  readonly parts: PartStore;
  readonly adapter: PeftAdapterWriter;
  readonly base: QuantizedCheckpointWriter | undefined;
  readonly experts: ExpertFactorsWriter | undefined;
}

/** What an earlier run finished of a base. */
interface RestoredBase {
  /** Modules whose quantized weights are there. */
  readonly modules: ReadonlySet<string>;
  /** Plain tensors that need no copying any more. */
  readonly plain: ReadonlySet<string>;
}

const shardRecord = ({ workDirectory }: CorrectionOutputOptions, file: string): string => join(workDirectory, `shard-${file}.json`);

const dropParts = async (parts: PartStore, { modules, plain }: PlannedShard): Promise<void> => {
  for (const module of modules) await parts.remove('base', module);
  for (const { name } of plain) await parts.remove('plain', name);
};

/** True where an earlier run wrote this shard, and it is as it was. */
const isWhole = async (options: CorrectionOutputOptions, file: string): Promise<boolean> => {
  const path = shardRecord(options, file);
  const record = await readRecord(path);
  if (record === undefined) return false;
  const shard = join(options.directory, 'base', file);
  if (record !== 'damaged' && (await hashFile(shard)) === (record.value as { readonly sha256: string }).sha256) return true;
  options.onDamaged?.(record === 'damaged' ? path : shard);
  return false;
};

const restoreBase = async ({ options, parts, base }: OpenOutput): Promise<RestoredBase> => {
  const [modules, plain] = [new Set<string>(), new Set<string>()];
  const copied = new Set(base?.plainTensors.map(({ name }) => name));
  for (const shard of base?.shards ?? []) {
    if (await isWhole(options, shard.file)) {
      await base!.addShard(shard);
      for (const module of shard.modules) modules.add(module);
      for (const { name } of shard.plain) plain.add(name);
      await dropParts(parts, shard);
      continue;
    }
    for (const { name } of shard.plain) {
      const part = copied.has(name) ? await parts.read('plain', name) : undefined;
      if (!part) continue;
      plain.add(name);
      await base!.addPlain(part.tensors[0]!);
    }
    for (const module of shard.modules) {
      const part = await parts.read('base', module);
      if (!part) continue;
      modules.add(module);
      await base!.addModule(module, part.tensors);
    }
  }
  return { modules, plain };
};

/** Takes over the layers that an earlier run finished. @returns their notes */
const restoreLayers = async (
  { options, parts, adapter, base, experts }: OpenOutput,
  restored: RestoredBase,
): Promise<Map<string, unknown>> => {
  const notes = new Map<string, unknown>();
  const take = async (module: string, writer: PeftAdapterWriter | ExpertFactorsWriter): Promise<void> => {
    const part = await parts.read('factors', module);
    if (!part) return;
    writer.add(module, part.tensors);
    notes.set(module, part.note);
  };
  const { corrected, linears, experts: planned } = options.plan;
  const withFactors = new Set(corrected);
  for (const module of linears) {
    if (base && !restored.modules.has(module)) continue;
    if (withFactors.has(module)) await take(module, adapter);
    else if (base) notes.set(module, null);
  }
  if (experts) for (const { layer } of planned?.shards.flat() ?? []) await take(layer.module, experts);
  return notes;
};

/** Puts a layer on the disk: what its base holds first, so that a layer with factors is finished. */
const writeLayer = async ({ parts, adapter, base, experts }: OpenOutput, restored: RestoredBase, layer: SolvedLayer): Promise<void> => {
  const { module, factors, quantized, ofExpert = false, note = null } = layer;
  if (base && !ofExpert && !restored.modules.has(module)) {
    const own = Object.entries((factors?.quantized ?? quantized).tensors);
    const tensors = Object.fromEntries(own.map(([suffix, tensor]) => [`${module}.${suffix}`, tensor]));
    await base.addModule(module, await parts.write('base', module, tensors, null));
  }
  if (!factors) return;
  const writer = ofExpert ? experts! : adapter;
  writer.add(module, await parts.write('factors', module, writer.tensorsOf(module, factors), note));
};

/** Copies the tensors that a base stores as they are, shard by shard of the source. */
const copyByFile = (
  { parts, base }: OpenOutput,
  restored: RestoredBase,
): Pick<CorrectionOutput, 'copiedFiles' | 'copyPlain'> & { readonly waitingFiles: () => string[] } => {
  const waiting = new Map<string, TensorLocation[]>();
  for (const location of base?.plainTensors ?? []) {
    if (restored.plain.has(location.name)) continue;
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
      for (const location of locations) await base?.addPlain(await parts.copy('plain', location.name, location));
    },
  };
};

const openWriters = async (options: CorrectionOutputOptions): Promise<OpenOutput> => {
  const { workDirectory, onDamaged = () => undefined } = options;
  const parts = await PartStore.open(join(workDirectory, 'parts'), PART_KINDS, onDamaged);
  const keepShard = async (shard: FinishedShard): Promise<void> => {
    await writeRecord(shardRecord(options, shard.file), { sha256: shard.sha256 });
    await dropParts(parts, shard);
  };
  const adapter = await openAdapter(options);
  const base = options.writeBase ? await openBase(options, keepShard) : undefined;
  return { options, parts, adapter, base, experts: await openExperts(options) };
};

/**
 * Opens the writers of adapter, base and experts' factors, and takes over what an earlier run with the same work directory finished.
 *
 * @throws ExportError QL_INITIALIZER_BASE for an initializer with its own Q and no base, QL_INITIALIZER_EXPERTS for one and
 * experts to correct; JournalError; else as the writers
 */
export const openCorrectionOutput = async (options: CorrectionOutputOptions): Promise<CorrectionOutput> => {
  checkInitializer(options);
  const open = await openWriters(options);
  const restored = await restoreBase(open);
  const finished = await restoreLayers(open, restored);
  const { copiedFiles, copyPlain, waitingFiles } = copyByFile(open, restored);
  const writing = new Set<Promise<void>>();
  let settling = false;
  const watched = async (begin: () => Promise<void>): Promise<void> => {
    // What still waits for its turn when a run fails must not begin once others may be let in.
    if (settling) throw new StoppedError();
    const work = begin();
    writing.add(work);
    try {
      await work;
    } finally {
      writing.delete(work);
    }
  };
  return {
    finished,
    write: (layer) => watched(() => writeLayer(open, restored, layer)),
    copiedFiles,
    copyPlain: (file) => watched(() => copyPlain(file)),
    settled: () => {
      settling = true;
      return closeInTurn(...[...writing].map((work) => () => work));
    },
    finish: async () => {
      for (const file of waitingFiles()) {
        await options.source.checkpoint.supply?.require([file]);
        await copyPlain(file);
      }
      await open.base?.close();
      await open.experts?.close();
      await open.adapter.close();
    },
  };
};
