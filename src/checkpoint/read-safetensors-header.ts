import { open } from 'node:fs/promises';
import { CheckpointReadError } from './errors.js';
import { HEADER_PREFIX_BYTES, parseHeaderLength, parseSafetensorsHeader, type HeaderTensor } from './parse-safetensors-header.js';
import { readFileRange } from './read-file-range.js';

/**
 * Reads and checks the header of one safetensors file; no tensor is read.
 *
 * @param path absolute path
 * @param shard file name for messages
 * @returns the tensors in order of offset
 * @throws MalformedCheckpointError as `parseSafetensorsHeader`; retrying does not help
 * @throws CheckpointReadError QL_SHARD_READ when the system refuses; a retry may help
 */
export const readSafetensorsHeader = async (path: string, shard: string): Promise<HeaderTensor[]> => {
  const file = await open(path).catch((cause: unknown) => {
    throw new CheckpointReadError(`${shard}: the file can't be opened (${String(cause)}). Check its permissions.`, cause);
  });
  try {
    const { size } = await file.stat();
    const prefix = new Uint8Array(HEADER_PREFIX_BYTES);
    const prefixBytes = await readFileRange(file, prefix, 0);
    const header = new Uint8Array(parseHeaderLength(shard, prefix.subarray(0, prefixBytes), size));
    await readFileRange(file, header, HEADER_PREFIX_BYTES);
    return parseSafetensorsHeader(shard, header, size);
  } finally {
    await file.close();
  }
};
