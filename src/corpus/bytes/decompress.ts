import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import type { Compression } from './text-file.js';

/** Compressed bytes given to fzstd at once: a block of a few bytes can stand for 128 KiB. */
const ZST_STEP = 16 * 1024;

async function* decompressZst(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let blocks: Uint8Array[] = [];
  const stream = new Decompress((block) => {
    if (block.length) blocks.push(block);
  });
  const take = (): Uint8Array[] => {
    const taken = blocks;
    blocks = [];
    return taken;
  };
  for await (const chunk of chunks) {
    for (let begin = 0; begin < chunk.length; begin += ZST_STEP) {
      stream.push(chunk.subarray(begin, begin + ZST_STEP));
      yield* take();
    }
  }
  stream.push(new Uint8Array(0), true);
  yield* take();
}

async function* decompressGz(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const compressed = Readable.from(chunks, { objectMode: false });
  const bytes = createGunzip({ chunkSize: 1 << 18 });
  compressed.on('error', (error) => bytes.destroy(error));
  compressed.pipe(bytes);
  try {
    yield* bytes as AsyncIterable<Uint8Array>;
  } finally {
    bytes.destroy();
    compressed.destroy();
  }
}

/**
 * Decompresses a stream of bytes: gzip or Zstandard, members or frames one after the other included.
 *
 * @throws the library's own error for bytes that are damaged, cut, or of another kind. Zstandard frames that refer back
 *   further than 32 MiB (`--long`, `--ultra -22`) are such; fzstd does not check the frame's checksum
 *
 * Memory: one block; for Zstandard the frame's window.
 */
export const decompress = (chunks: AsyncIterable<Uint8Array>, compression: Compression): AsyncGenerator<Uint8Array, void, undefined> =>
  compression === 'gz' ? decompressGz(chunks) : decompressZst(chunks);
