import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { CheckpointReadError } from './errors.js';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Computes the SHA-256 of one shard, streamed.
 *
 * @param shard its name, for messages
 * @returns 64 hexadecimal digits
 * @throws CheckpointReadError QL_SHARD_READ; the signal's reason when it is aborted
 */
export const hashShard = async (file: string, shard: string, signal?: AbortSignal): Promise<string> => {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES, signal })) hash.update(chunk as Buffer);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new CheckpointReadError(
      `${shard}: the file can't be read to its end (${String(cause)}). Check that it is still there and readable.`,
      cause,
    );
  }
  return hash.digest('hex');
};
