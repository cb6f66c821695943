import { join } from 'node:path';
import type { Checkpoint } from './contract.js';
import { MalformedCheckpointError } from './errors.js';
import { hashShard } from './hash-shard.js';

/**
 * Computes the SHA-256 of every shard, streamed: memory does not grow with the shards. A shard that is verified when it
 * is transferred is not read again; one that lay in the Hub's cache before is, and compared with what the Hub tells.
 *
 * @returns shard file, relative to the checkpoint directory → 64 hexadecimal digits
 * @throws CheckpointReadError QL_SHARD_READ when the system refuses; a retry may help
 * @throws MalformedCheckpointError QL_SHARD_HASH for a cached shard that is not the Hub's
 * @throws the signal's reason when it is aborted
 *
 * Cost: reads every byte of the checkpoint once.
 */
export const hashShards = async (
  { directory, shards, supply }: Pick<Checkpoint, 'directory' | 'shards' | 'supply'>,
  signal?: AbortSignal,
): Promise<Record<string, string>> => {
  const hashes: Record<string, string> = {};
  for (const shard of shards) {
    signal?.throwIfAborted();
    const announced = await supply?.announced(shard);
    const hash = announced?.verified && announced.sha256 ? announced.sha256 : await hashShard(join(directory, shard), shard, signal);
    if (announced?.sha256 !== undefined && hash !== announced.sha256)
      throw new MalformedCheckpointError(
        'QL_SHARD_HASH',
        `${shard}: the cached file has SHA-256 ${hash}, but the Hub tells ${announced.sha256}. Remove ${join(directory, shard)} and what it links to, and run again.`,
      );
    hashes[shard] = hash;
  }
  return hashes;
};
