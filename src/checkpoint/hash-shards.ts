import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from './contract.js';
import { CheckpointReadError } from './errors.js';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Computes the SHA-256 of every shard, streamed: memory does not grow with the shards.
 *
 * @returns shard file, relative to the checkpoint directory → 64 hexadecimal digits
 * @throws CheckpointReadError QL_SHARD_READ when the system refuses; a retry may help
 * @throws the signal's reason when it is aborted
 *
 * Cost: reads every byte of the checkpoint once.
 */
export const hashShards = async (
  checkpoint: Pick<Checkpoint, 'directory' | 'shards'>,
  signal?: AbortSignal,
): Promise<Record<string, string>> => {
  const hashes: Record<string, string> = {};
  for (const shard of checkpoint.shards) {
    signal?.throwIfAborted();
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(join(checkpoint.directory, shard), { highWaterMark: CHUNK_BYTES, signal }))
        hash.update(chunk as Buffer);
    } catch (cause) {
      signal?.throwIfAborted();
      throw new CheckpointReadError(
        `${shard}: the file can't be read to its end (${String(cause)}). Check that it is still there and readable.`,
        cause,
      );
    }
    hashes[shard] = hash.digest('hex');
  }
  return hashes;
};
