import { createReadStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assembleSafetensors, readSafetensorsHeader, type Checkpoint, type TensorLocation } from '../checkpoint/index.js';
import { writeFileAtomically, writing } from '../foundation/index.js';
import { ExportError } from './export-error.js';
import { insertQuantizationConfig } from './insert-quantization-config.js';
import { planShards, type ShardItem } from './plan-shards.js';

/** What a quantized base is made from. */
export interface QuantizedCheckpointOptions {
  /** Made when absent. */
  readonly directory: string;
  /** The full-precision source: its config, its plain tensors, its tokenizer files. */
  readonly checkpoint: Checkpoint;
  /** Full names of the modules whose weight is quantized. */
  readonly modules: readonly string[];
  /** Bits per weight as stored. */
  readonly bits: number;
  /** `Quantizer.quantizationConfig`; undefined leaves config.json as it is, for stored tensors that are plain weights. */
  readonly quantizationConfig: string | undefined;
  /** Bytes a shard should not exceed. Default 2 GiB. */
  readonly shardBytes?: number;
  /** Called when a shard is whole under its name; what it was made from is not read again. */
  readonly onShard?: (shard: FinishedShard) => Promise<void>;
}

/** What belongs together in one file of a base. */
export interface PlannedShard {
  /** Relative to the directory. */
  readonly file: string;
  /** Modules whose quantized weights it holds. */
  readonly modules: readonly string[];
  /** Tensors of the source that it holds as they are. */
  readonly plain: readonly TensorLocation[];
}

/** A shard under its final name. */
export interface FinishedShard extends PlannedShard {
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Writes a checkpoint from tensors that come in any order; each shard is finished as soon as it is complete. */
export interface QuantizedCheckpointWriter {
  readonly shards: readonly PlannedShard[];
  /**
   * Tensors of the source that are stored as they are and have to be handed to `addPlain`, each once; none where the source lies on
   * the disk as a whole, for they are then read from it when their shard is finished.
   */
  readonly plainTensors: readonly TensorLocation[];
  /**
   * Takes note of where a module's quantized weight lies, and finishes the shard that it was the last of.
   *
   * @param tensors under their full names, as `Quantizer.quantize` names them after the module
   * @throws ExportError QL_UNPLANNED_TENSOR; else as `assembleSafetensors`
   */
  addModule(module: string, tensors: readonly TensorLocation[]): Promise<void>;
  /** Takes note of where a copy of a plain tensor lies. @throws as `addModule` */
  addPlain(location: TensorLocation): Promise<void>;
  /** Takes a shard that was finished before; its header is read. @throws as `readSafetensorsHeader`; ExportError QL_UNPLANNED_TENSOR */
  addShard(shard: PlannedShard): Promise<void>;
  /** Writes what is left, index, tokenizer files and, last, config.json. @throws ExportError QL_MISSING_TENSOR; FileWriteError */
  close(): Promise<void>;
}

const COPIED_FILES =
  /^(tokenizer.*\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|generation_config\.json|chat_template\.(jinja|json)|vocab\.(json|txt)|merges\.txt|LICENSE.*)$/;

/** The bytes of a file of the source; its errors name the file. */
const readSource = async function* (path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Buffer;
  } catch (cause) {
    throw sourceFileError(path, cause);
  }
};

const sourceFileError = (path: string, cause: unknown): ExportError =>
  new ExportError(
    'QL_SOURCE_FILE',
    `${path} belongs into the base, but can't be read (${String(cause)}). Mend or remove it, and run again.`,
    {
      cause,
      retryable: true,
    },
  );

/** Copies what is a file, behind a link too; directories and pipes of such names are not for a base. */
const copySourceFile = async (from: string, to: string): Promise<void> => {
  const found = await stat(from).catch((cause: unknown) => {
    throw sourceFileError(from, cause);
  });
  if (found.isFile()) await writeFileAtomically(to, readSource(from));
};

/** One file of the base while it is waited for. */
interface Shard extends PlannedShard {
  /** Names of weights and plain tensors that have not come yet. */
  readonly awaited: Set<string>;
  readonly placed: TensorLocation[];
  finished: boolean;
}

const shardName = (index: number, count: number): string =>
  count === 1 ? 'model.safetensors' : `model-${String(index + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;

/** Name of what a tensor is stored with: its module where that is quantized, else itself. */
const itemOf = (tensor: string, modules: ReadonlySet<string>): string => {
  const owner = tensor.slice(0, Math.max(0, tensor.lastIndexOf('.')));
  return modules.has(owner) ? owner : tensor;
};

/** Bytes each item will take; a sixteenth and two tables are allowed for the scales, which bounds NF4's and int8's. */
const itemSizes = ({ checkpoint, bits, quantizationConfig }: QuantizedCheckpointOptions, modules: ReadonlySet<string>): ShardItem[] => {
  const sizes = new Map<string, number>();
  for (const { name, length, shape } of checkpoint.tensors.values()) {
    const item = itemOf(name, modules);
    const weights = shape.reduce((product, size) => product * size, 1);
    const quantized = quantizationConfig !== undefined && name === `${item}.weight` && modules.has(item);
    const bytes = quantized ? Math.ceil((weights * bits * 17) / 128) + 4 * (shape[0] ?? 0) + 2048 : length;
    sizes.set(item, (sizes.get(item) ?? 0) + bytes);
  }
  return [...sizes].map(([name, bytes]) => ({ name, bytes }));
};

/** State of one base being written. */
class ShardedWriter implements QuantizedCheckpointWriter {
  readonly shards: readonly Shard[];
  readonly plainTensors: readonly TensorLocation[];
  readonly #shardOf = new Map<string, Shard>();
  readonly #weightMap = new Map<string, string>();
  #totalBytes = 0;

  constructor(readonly options: QuantizedCheckpointOptions) {
    const { checkpoint, modules, shardBytes = 2 * 1024 ** 3 } = options;
    const quantized = new Set(modules);
    const isPlain = ({ name }: TensorLocation): boolean => !(name.endsWith('.weight') && quantized.has(name.slice(0, -'.weight'.length)));
    const plain = new Map<string, TensorLocation[]>();
    for (const location of [...checkpoint.tensors.values()].filter(isPlain)) {
      const item = itemOf(location.name, quantized);
      plain.set(item, [...(plain.get(item) ?? []), location]);
    }
    const plan = planShards(itemSizes(options, quantized), shardBytes);
    this.shards = plan.map((items, i): Shard => {
      const own = items.filter((item) => quantized.has(item));
      const others = items.flatMap((item) => plain.get(item) ?? []);
      return { file: shardName(i, plan.length), modules: own, plain: others, awaited: new Set(), placed: [], finished: false };
    });
    const copied = checkpoint.supply !== undefined;
    this.plainTensors = copied ? this.shards.flatMap((shard) => shard.plain) : [];
    for (const shard of this.shards) {
      const names = [...shard.modules.map((module) => `${module}.weight`), ...(copied ? shard.plain.map(({ name }) => name) : [])];
      for (const name of names) {
        shard.awaited.add(name);
        this.#shardOf.set(name, shard);
      }
      if (!copied) shard.placed.push(...shard.plain);
    }
  }

  addModule(module: string, tensors: readonly TensorLocation[]): Promise<void> {
    return this.#add(`${module}.weight`, tensors);
  }

  addPlain(location: TensorLocation): Promise<void> {
    return this.#add(location.name, [location]);
  }

  async addShard({ file }: PlannedShard): Promise<void> {
    const shard = this.shards.find((planned) => planned.file === file);
    if (!shard || shard.finished) throw this.#unplanned(file);
    const path = join(this.options.directory, file);
    shard.awaited.clear();
    this.#note(shard, await readSafetensorsHeader(path, file));
  }

  async #add(name: string, tensors: readonly TensorLocation[]): Promise<void> {
    const shard = this.#shardOf.get(name);
    if (!shard?.awaited.delete(name)) throw this.#unplanned(name);
    shard.placed.push(...tensors);
    if (shard.awaited.size === 0) await this.#finish(shard);
  }

  async #finish(shard: Shard): Promise<void> {
    const { directory, onShard } = this.options;
    const { file, modules, plain, placed } = shard;
    const { sha256 } = await assembleSafetensors(join(directory, file), placed);
    this.#note(shard, placed);
    await onShard?.({ file, modules, plain, sha256 });
  }

  #note(shard: Shard, tensors: readonly Pick<TensorLocation, 'name' | 'length'>[]): void {
    shard.finished = true;
    for (const { name, length } of tensors) {
      this.#weightMap.set(name, shard.file);
      this.#totalBytes += length;
    }
  }

  #unplanned(name: string): ExportError {
    return new ExportError(
      'QL_UNPLANNED_TENSOR',
      `"${name}" is not awaited in ${this.options.directory}: it came twice, or the source has no such tensor.`,
    );
  }

  async close(): Promise<void> {
    const { directory, checkpoint, quantizationConfig } = this.options;
    const missing = this.shards.flatMap(({ awaited }) => [...awaited]);
    if (missing.length)
      throw new ExportError(
        'QL_MISSING_TENSOR',
        `${missing.length} tensors never came, so ${directory} is incomplete: ${missing.slice(0, 3).join(', ')}.`,
      );
    for (const shard of this.shards) if (!shard.finished) await this.#finish(shard);
    if (this.shards.length > 1) await writeFileAtomically(join(directory, 'model.safetensors.index.json'), this.#indexText());
    for (const name of (await readdir(checkpoint.directory)).filter((name) => COPIED_FILES.test(name)).sort())
      await copySourceFile(join(checkpoint.directory, name), join(directory, name));
    const { configText } = checkpoint;
    const config = quantizationConfig === undefined ? configText : insertQuantizationConfig(configText, quantizationConfig);
    await writeFileAtomically(join(directory, 'config.json'), config);
  }

  #indexText(): string {
    const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number =>
      Buffer.compare(Buffer.from(a), Buffer.from(b));
    const weight_map = Object.fromEntries([...this.#weightMap].sort(byName));
    return `${JSON.stringify({ metadata: { total_size: this.#totalBytes }, weight_map }, null, 2)}\n`;
  }
}

/**
 * Opens a writer of a stock bitsandbytes checkpoint that transformers loads as it is.
 *
 * Shards are planned from sizes alone, so which tensor lies where depends neither on the order of arrival nor on
 * timing; a module's tensors share a shard. The source is neither re-serialized nor held: plain tensors are copied
 * byte for byte. config.json comes last: a directory without it is no checkpoint.
 *
 * @throws ExportError QL_ALREADY_QUANTIZED, QL_MISSING_TENSOR when the source lacks a module's weight; FileWriteError
 */
export const openQuantizedCheckpointWriter = async (options: QuantizedCheckpointOptions): Promise<QuantizedCheckpointWriter> => {
  const { directory, checkpoint, modules, quantizationConfig } = options;
  if (quantizationConfig !== undefined) insertQuantizationConfig(checkpoint.configText, quantizationConfig);
  for (const module of modules) {
    if (!checkpoint.tensors.has(`${module}.weight`))
      throw new ExportError('QL_MISSING_TENSOR', `The source has no "${module}.weight", which was to be quantized.`);
  }
  await writing(directory, () => mkdir(directory, { recursive: true }));
  return new ShardedWriter(options);
};
