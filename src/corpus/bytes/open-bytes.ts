import { createReadStream } from 'node:fs';
import { CorpusError } from '../errors.js';
import { decompress } from './decompress.js';
import { peek } from './peek.js';
import type { Compression, TextFile } from './text-file.js';

/** What reading goes by. */
export interface ReadOptions {
  /** Stops between two pieces of a file. */
  readonly signal?: AbortSignal | undefined;
  /** In place of the process's standard input. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
}

const startsWith = (head: Uint8Array, magic: readonly number[]): boolean => magic.every((byte, i) => head[i] === byte);

const compressionOf = (head: Uint8Array): Compression | undefined => {
  if (startsWith(head, [0x1f, 0x8b])) return 'gz';
  return startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) ? 'zst' : undefined;
};

async function* openRaw({ path }: TextFile, { stdin }: ReadOptions): AsyncGenerator<Uint8Array, void, undefined> {
  if (path === undefined) yield* stdin ?? (process.stdin as AsyncIterable<Uint8Array>);
  else yield* createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Uint8Array>;
}

/**
 * Opens a file or standard input as a stream of bytes, decompressed.
 *
 * The compression of a file goes by its name, that of standard input by its first bytes.
 *
 * @throws CorpusError QL_TEXT_READ where it can't be read or decompressed to its end; retrying does not help
 */
export async function* openBytes(file: TextFile, options: ReadOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = options;
  try {
    let chunks = openRaw(file, options);
    let compression = file.compression;
    if (file.path === undefined) {
      const peeked = await peek(chunks, 4);
      chunks = peeked.chunks;
      compression = compressionOf(peeked.head);
    }
    for await (const chunk of compression ? decompress(chunks, compression) : chunks) {
      signal?.throwIfAborted();
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof CorpusError || signal?.aborted) throw cause;
    throw new CorpusError(
      'QL_TEXT_READ',
      `${file.path ?? file.name}: the file can't be read to its end (${String(cause)}). Fetch or compress it again.`,
      cause,
    );
  }
}
