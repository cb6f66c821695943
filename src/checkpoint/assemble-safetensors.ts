import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { QuailoraError, writeFileAtomically } from '../foundation/index.js';
import type { TensorLocation } from './contract.js';
import { CheckpointReadError, MalformedCheckpointError } from './errors.js';
import { headerBytes, headerEntry, inFileOrder } from './safetensors-layout.js';

/** Bytes copied at a time. */
const COPY_BYTES = 4 << 20;

/** Identity of a file that was written. */
export interface AssembledFile {
  /** Bytes of all tensors, without the header. */
  readonly tensorBytes: number;
  /** Of the whole file, hexadecimal. */
  readonly sha256: string;
}

const openSource = (file: string): Promise<FileHandle> =>
  open(file).catch((cause: unknown) => {
    throw new CheckpointReadError(`${basename(file)} can't be opened (${String(cause)}). Check that it is still there.`, cause);
  });

/** Reads a span of a file in chunks that share one buffer. */
const spanOf = async function* (handle: FileHandle, { name, file, offset, length }: TensorLocation): AsyncGenerator<Uint8Array> {
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

/** The bytes of the file, each source file opened once for a run of tensors that lie in it. */
const contentOf = async function* (header: Uint8Array, tensors: readonly TensorLocation[]): AsyncGenerator<Uint8Array> {
  yield header;
  let source: { readonly file: string; readonly handle: FileHandle } | undefined;
  try {
    for (const tensor of tensors) {
      if (source?.file !== tensor.file) {
        await source?.handle.close();
        source = undefined;
        source = { file: tensor.file, handle: await openSource(tensor.file) };
      }
      yield* spanOf(source.handle, tensor);
    }
  } finally {
    await source?.handle.close();
  }
};

/**
 * Writes one safetensors file from tensors that lie in other files, a few MiB at a time.
 *
 * The bytes are those of the reference library with metadata `{"format": "pt"}`, whatever the order of `tensors`. The file
 * appears under its name only when whole; its directory must exist.
 *
 * @throws QuailoraError QL_DUPLICATE_TENSOR; ShapeMismatchError; FileWriteError as `writeFileAtomically`
 * @throws MalformedCheckpointError QL_SHARD_RANGE when a source ends early; CheckpointReadError QL_SHARD_READ
 */
export const assembleSafetensors = async (path: string, tensors: readonly TensorLocation[]): Promise<AssembledFile> => {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw new QuailoraError('QL_DUPLICATE_TENSOR', `"${name}" comes twice among the tensors of ${path}.`);
    names.add(name);
  }
  const entries = tensors.map((tensor) => ({ ...tensor, ...headerEntry(tensor.name, tensor, tensor.length) })).sort(inFileOrder);
  const hash = createHash('sha256');
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of contentOf(headerBytes(entries), entries)) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await writeFileAtomically(path, hashed());
  return { tensorBytes: entries.reduce((sum, { length }) => sum + length, 0), sha256: hash.digest('hex') };
};
