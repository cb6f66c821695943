import { open, rm, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { QuailoraError, writeFileAtomically, writeFully, writing, type RawTensor } from '../foundation/index.js';
import type { TensorLocation } from './contract.js';
import { CheckpointReadError, MalformedCheckpointError } from './errors.js';
import { headerBytes, headerEntry, inFileOrder, type HeaderEntry } from './safetensors-layout.js';

/** Bytes copied at a time from scratch and source files. */
const COPY_BYTES = 4 << 20;

/** Writes one safetensors file from tensors that come one at a time, in any order; memory stays bounded. */
export interface SafetensorsWriter {
  /**
   * Appends a tensor.
   *
   * @throws QuailoraError QL_DUPLICATE_TENSOR; ShapeMismatchError; FileWriteError as `writeFileAtomically`
   */
  add(name: string, tensor: RawTensor): Promise<void>;
  /**
   * Copies a tensor from another file under its own name, a few MiB at a time.
   *
   * @throws as `add`; MalformedCheckpointError QL_SHARD_RANGE when that file ends early; CheckpointReadError
   */
  copy(location: TensorLocation): Promise<void>;
  /**
   * Writes the file under its name and removes the scratch file, also when that fails.
   *
   * @returns bytes of all tensors, without the header
   */
  close(): Promise<number>;
  /** Gives up: removes the scratch file and writes nothing. Does nothing after `close`. */
  abort(): Promise<void>;
}

/** A tensor waiting in the scratch file. */
interface Placed extends HeaderEntry {
  readonly offset: number;
}

/** Reads a span of a file in chunks that share one buffer. */
const spanOf = async function* (handle: FileHandle, location: Omit<TensorLocation, 'dtype' | 'shape'>): AsyncGenerator<Uint8Array> {
  const { name, file, offset, length } = location;
  const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, length));
  const read = async (done: number): Promise<number> => {
    try {
      return (await handle.read(buffer, 0, Math.min(buffer.length, length - done), offset + done)).bytesRead;
    } catch (cause) {
      throw new CheckpointReadError(`${basename(file)}: "${name}" can't be read (${String(cause)}). Check the disk.`, cause);
    }
  };
  for (let done = 0, bytes = 0; done < length; done += bytes) {
    bytes = await read(done);
    if (bytes === 0)
      throw new MalformedCheckpointError(
        'QL_SHARD_RANGE',
        `${basename(file)}: "${name}" ends at byte ${offset + length} of the file, but the file ends at ${offset + done}. It changed after it was opened: fetch this shard again.`,
      );
    yield buffer.subarray(0, bytes);
  }
};

/** A writer's state: the scratch file and what lies where in it. */
class ScratchedWriter implements SafetensorsWriter {
  readonly #placed = new Map<string, Placed>();
  #size = 0;
  #released = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly path: string,
    readonly scratchPath: string,
    readonly scratch: FileHandle,
  ) {}

  add(name: string, tensor: RawTensor): Promise<void> {
    return this.#inTurn(async () => {
      this.#place(headerEntry(name, tensor, tensor.bytes.length));
      await writing(this.path, () => writeFully(this.scratch, tensor.bytes));
    });
  }

  copy(location: TensorLocation): Promise<void> {
    return this.#inTurn(async () => {
      this.#place(headerEntry(location.name, location, location.length));
      const source = await open(location.file).catch((cause: unknown) => {
        throw new CheckpointReadError(
          `${basename(location.file)} can't be opened (${String(cause)}). Check that it is still there.`,
          cause,
        );
      });
      try {
        for await (const chunk of spanOf(source, location)) await writing(this.path, () => writeFully(this.scratch, chunk));
      } finally {
        await source.close();
      }
    });
  }

  close(): Promise<number> {
    return this.#inTurn(async () => {
      try {
        await writeFileAtomically(this.path, this.#content());
      } finally {
        await this.#release();
      }
      return this.#size;
    });
  }

  abort(): Promise<void> {
    return this.#inTurn(() => this.#release());
  }

  /** Calls that overlap take turns, for they share the scratch file's position; a failed turn doesn't stop the next. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action, action);
    this.#last = turn;
    return turn;
  }

  #place(entry: HeaderEntry): void {
    if (this.#placed.has(entry.name))
      throw new QuailoraError('QL_DUPLICATE_TENSOR', `"${entry.name}" was already written to ${this.path}.`);
    this.#placed.set(entry.name, { ...entry, offset: this.#size });
    this.#size += entry.length;
  }

  async *#content(): AsyncGenerator<Uint8Array> {
    const entries = [...this.#placed.values()].sort(inFileOrder);
    yield headerBytes(entries);
    for (const entry of entries) yield* spanOf(this.scratch, { ...entry, file: this.scratchPath });
  }

  async #release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.scratch.close();
    await rm(this.scratchPath, { force: true });
  }
}

/**
 * Opens a streaming writer: tensors go to `PATH.scratch` as they come, and `close` writes them in the reference
 * library's order, so that the bytes don't depend on the order of arrival. Both files exist while it closes.
 *
 * @param path its directory must exist; the file appears under this name only when whole
 * @throws FileWriteError as `writeFileAtomically`
 */
export const openSafetensorsWriter = async (path: string): Promise<SafetensorsWriter> => {
  const scratchPath = `${path}.scratch`;
  return new ScratchedWriter(path, scratchPath, await writing(path, () => open(scratchPath, 'w+')));
};
