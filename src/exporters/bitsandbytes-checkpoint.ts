import { createReadStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensorsWriter, type Checkpoint, type SafetensorsWriter, type TensorLocation } from '../checkpoint/index.js';
import { writeFileAtomically, writing, type RawTensor } from '../foundation/index.js';
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
}

/** Writes a checkpoint from tensors that come in any order; each shard is finished as soon as it is complete. */
export interface QuantizedCheckpointWriter {
  /** Every tensor of the source that is stored as it is: hand each to `addPlain` once. */
  readonly plainTensors: readonly TensorLocation[];
  /**
   * Appends a module's quantized weight.
   *
   * @param tensors by their suffix to the module's name, as `Quantizer.quantize` returns them
   * @throws ExportError QL_UNPLANNED_TENSOR; FileWriteError
   */
  addModule(module: string, tensors: Readonly<Record<string, RawTensor>>): Promise<void>;
  /** Copies a tensor's bytes from the source, a few MiB at a time. @throws as `addModule`; also as `SafetensorsWriter.copy` */
  addPlain(location: TensorLocation): Promise<void>;
  /** Writes index, tokenizer files and, last, config.json. @throws ExportError QL_MISSING_TENSOR; FileWriteError */
  close(): Promise<void>;
  /** Gives up: finished shards stay, the others leave nothing. */
  abort(): Promise<void>;
}

const COPIED_FILES =
  /^(tokenizer.*\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|generation_config\.json|chat_template\.(jinja|json)|vocab\.(json|txt)|merges\.txt|LICENSE.*)$/;

/** One file of the base while it grows. */
interface Shard {
  readonly file: string;
  /** Modules and plain tensors that have not come yet. */
  readonly awaited: Set<string>;
  writer: Promise<SafetensorsWriter> | undefined;
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
  readonly plainTensors: readonly TensorLocation[];
  readonly #modules: ReadonlySet<string>;
  readonly #shards: readonly Shard[];
  readonly #shardOf = new Map<string, Shard>();
  readonly #awaited = new Set<string>();
  readonly #weightMap = new Map<string, string>();
  #totalBytes = 0;

  constructor(readonly options: QuantizedCheckpointOptions) {
    const { checkpoint, modules, shardBytes = 2 * 1024 ** 3 } = options;
    this.#modules = new Set(modules);
    const quantized = new Set(modules.map((module) => `${module}.weight`));
    this.plainTensors = [...checkpoint.tensors.values()].filter(({ name }) => !quantized.has(name));
    const plan = planShards(itemSizes(options, this.#modules), shardBytes);
    this.#shards = plan.map((_, i) => ({ file: shardName(i, plan.length), awaited: new Set(), writer: undefined }));
    plan.forEach((items, i) => items.forEach((item) => this.#shardOf.set(item, this.#shards[i]!)));
    for (const name of checkpoint.tensors.keys()) {
      this.#awaited.add(name);
      this.#shardOf.get(itemOf(name, this.#modules))!.awaited.add(name);
    }
  }

  async addModule(module: string, tensors: Readonly<Record<string, RawTensor>>): Promise<void> {
    await this.#add(`${module}.weight`, async (writer, file) => {
      for (const [suffix, tensor] of Object.entries(tensors)) {
        this.#weightMap.set(`${module}.${suffix}`, file);
        await writer.add(`${module}.${suffix}`, tensor);
      }
    });
  }

  async addPlain(location: TensorLocation): Promise<void> {
    await this.#add(location.name, async (writer, file) => {
      this.#weightMap.set(location.name, file);
      await writer.copy(location);
    });
  }

  async #add(name: string, write: (writer: SafetensorsWriter, file: string) => Promise<void>): Promise<void> {
    const { directory } = this.options;
    const shard = this.#shardOf.get(itemOf(name, this.#modules));
    if (!shard || !this.#awaited.delete(name))
      throw new ExportError(
        'QL_UNPLANNED_TENSOR',
        `"${name}" is not awaited in ${directory}: it came twice, or the source has no such tensor.`,
      );
    const writer = await (shard.writer ??= openSafetensorsWriter(join(directory, shard.file)));
    await write(writer, shard.file);
    shard.awaited.delete(name);
    if (shard.awaited.size === 0) this.#totalBytes += await writer.close();
  }

  async close(): Promise<void> {
    const { directory, checkpoint, quantizationConfig } = this.options;
    const missing = this.#shards.flatMap(({ awaited }) => [...awaited]);
    if (missing.length) {
      await this.abort();
      throw new ExportError(
        'QL_MISSING_TENSOR',
        `${missing.length} tensors never came, so ${directory} is incomplete: ${missing.slice(0, 3).join(', ')}.`,
      );
    }
    if (this.#shards.length > 1) await writeFileAtomically(join(directory, 'model.safetensors.index.json'), this.#indexText());
    for (const name of (await readdir(checkpoint.directory)).filter((name) => COPIED_FILES.test(name)).sort())
      await writeFileAtomically(join(directory, name), createReadStream(join(checkpoint.directory, name)));
    const { configText } = checkpoint;
    const config = quantizationConfig === undefined ? configText : insertQuantizationConfig(configText, quantizationConfig);
    await writeFileAtomically(join(directory, 'config.json'), config);
  }

  async abort(): Promise<void> {
    for (const { writer } of this.#shards) await (await writer)?.abort();
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
