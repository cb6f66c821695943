import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { readFileRange } from '../foundation/index.js';
import { CheckpointReadError, MalformedCheckpointError } from './errors.js';
import { HEADER_PREFIX_BYTES, parseHeaderLength, parseSafetensorsHeader, type HeaderTensor } from './parse-safetensors-header.js';

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
  const refuse = (cause: unknown): never => {
    throw new CheckpointReadError(`${shard}: the file can't be read (${String(cause)}). Check its permissions.`, cause);
  };
  // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(refuse);
  try {
    const stats = await file.stat();
    if (!stats.isFile())
      throw new MalformedCheckpointError('QL_SHARD_HEADER', `${shard} is no regular file, so it holds no tensors. Fetch it again.`);
    const { size } = stats;
    const prefix = new Uint8Array(HEADER_PREFIX_BYTES);
    const prefixBytes = await readFileRange(file, prefix, 0).catch(refuse);
    const header = new Uint8Array(parseHeaderLength(shard, prefix.subarray(0, prefixBytes), size));
    await readFileRange(file, header, HEADER_PREFIX_BYTES).catch(refuse);
    return parseSafetensorsHeader(shard, header, size);
  } finally {
    await file.close();
  }
};
