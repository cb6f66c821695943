import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { readFileRange } from '../foundation/index.js';
import type { Checkpoint, TensorLocation } from './contract.js';
import { CheckpointReadError } from './errors.js';

/** Bytes read at the beginning, in the middle and at the end of each tensor. */
const SAMPLE_BYTES = 4096;

/** Spans that are read of a tensor; small ones are read whole. */
const spansOf = ({ offset, length }: TensorLocation): [begin: number, bytes: number][] => {
  if (length <= 3 * SAMPLE_BYTES) return [[offset, length]];
  return [0, Math.floor((length - SAMPLE_BYTES) / 2), length - SAMPLE_BYTES].map((begin) => [offset + begin, SAMPLE_BYTES]);
};

/**
 * Identifies the weights of a checkpoint on the disk without reading all of them: SHA-256 over the name, type and shape of every
 * tensor and 12 KiB of its bytes, wherever the files lie and whatever they are called. Fine-tuned and merged models differ in it;
 * what differs in a few weights in the middle of a large tensor does not, for which `hashShards` reads everything.
 *
 * Weights of a Hub repository are identified by the hashes of their shards, whether they are in the cache or still to be fetched.
 *
 * @returns hexadecimal
 * @throws CheckpointReadError QL_SHARD_READ
 *
 * Cost: three small reads for each tensor, under a second for some hundred of them; of a Hub repository whose hashes are not at hand,
 * offline say, a reading of every shard.
 */
export const sampleWeights = async ({ tensors, shards, supply }: Pick<Checkpoint, 'tensors' | 'shards' | 'supply'>): Promise<string> => {
  const hash = createHash('sha256');
  if (supply) {
    for (const shard of shards) hash.update(`${shard} ${(await supply.announced(shard)).sha256}\n`);
    return hash.digest('hex');
  }
  const buffer = new Uint8Array(3 * SAMPLE_BYTES);
  const files = new Map<string, FileHandle>();
  try {
    for (const location of [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { name, dtype, shape, file } = location;
      hash.update(`${name} ${dtype} [${shape.join(',')}]\n`);
      try {
        const handle = files.get(file) ?? (await open(file));
        files.set(file, handle);
        for (const [begin, bytes] of spansOf(location)) {
          const span = buffer.subarray(0, bytes);
          hash.update(span.subarray(0, await readFileRange(handle, span, begin)));
        }
      } catch (cause) {
        throw new CheckpointReadError(`${basename(file)}: "${name}" can't be read (${String(cause)}). Check the disk.`, cause);
      }
    }
    return hash.digest('hex');
  } finally {
    for (const handle of files.values()) await handle.close();
  }
};
