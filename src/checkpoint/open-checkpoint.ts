import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readTextFile } from '../foundation/index.js';
import { assembleCheckpoint, type ShardHeader } from './assemble-checkpoint.js';
import type { Checkpoint } from './contract.js';
import { CheckpointReadError, MalformedCheckpointError } from './errors.js';
import { readSafetensorsHeader } from './read-safetensors-header.js';

const resolveDirectory = async (directory: string): Promise<string> => {
  const found = await realpath(directory).catch((cause: unknown) => {
    throw new MalformedCheckpointError(
      'QL_CHECKPOINT_MISSING',
      `${directory}: there is no such directory. A model is a checkpoint directory on disk, or the id of a Hugging Face repository (organization/name).`,
      cause,
    );
  });
  if (!(await stat(found)).isDirectory())
    throw new MalformedCheckpointError(
      'QL_CHECKPOINT_MISSING',
      `${directory} is a file. Give the directory that holds config.json and the safetensors shards.`,
    );
  return found;
};

const readHeader = async (directory: string, shard: string): Promise<ShardHeader | undefined> => {
  const file = await realpath(join(directory, shard)).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new CheckpointReadError(`${shard}: the file can't be reached (${String(cause)}). Check its permissions.`, cause);
  });
  return file === undefined ? undefined : { file, tensors: await readSafetensorsHeader(file, shard) };
};

/**
 * Opens a Hugging Face checkpoint directory: reads config.json, the index and every shard's header, checks that they
 * agree, and says where each tensor lies. No weight is read. Links are resolved (the Hugging Face cache is made of them).
 *
 * @param directory path as the user gave it
 * @throws MalformedCheckpointError QL_CHECKPOINT_MISSING, and as `assembleCheckpoint` and `parseSafetensorsHeader`;
 *   retrying does not help
 * @throws CheckpointReadError QL_SHARD_READ when the system refuses to read a shard; a retry may help
 * @throws TextFileError QL_FILE_READ when config.json or the index can't be read
 */
export const openCheckpoint = async (directory: string): Promise<Checkpoint> => {
  const real = await resolveDirectory(resolve(directory));
  return assembleCheckpoint({
    label: real,
    remedy: 'Fetch this shard; where it is a link, what it leads to is gone.',
    directory: real,
    names: (await readdir(real)).sort(),
    readText: (name) => readTextFile(join(real, name)),
    readHeaders: async (shards) => {
      const headers: (ShardHeader | undefined)[] = [];
      for (const shard of shards) headers.push(await readHeader(real, shard));
      return headers;
    },
  });
};
