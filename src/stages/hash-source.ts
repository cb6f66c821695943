import { join } from 'node:path';
import { hashShards, MalformedCheckpointError, type Checkpoint } from '../checkpoint/index.js';
import { readRecord, SOURCE_HASHES_FILE, writeRecord } from '../journal/index.js';

type Hashes = Readonly<Record<string, string>>;

/** Hashes without file names, which may change: the same weights elsewhere are the same. */
const contentOf = (hashes: Hashes): string => Object.values(hashes).join(' ');

/**
 * Hashes the weights, and checks that they are those that an earlier attempt at the same run hashed.
 *
 * @param workDirectory where the hashes are kept for the next attempt
 * @throws MalformedCheckpointError QL_MODEL_CHANGED; as `hashShards`
 */
export const hashSource = async (checkpoint: Checkpoint, workDirectory: string, signal: AbortSignal): Promise<Hashes> => {
  const path = join(workDirectory, SOURCE_HASHES_FILE);
  const record = await readRecord(path);
  const hashes = await hashShards(checkpoint, signal);
  if (record === undefined || record === 'damaged') await writeRecord(path, hashes);
  else if (contentOf(record.value as Hashes) !== contentOf(hashes))
    throw new MalformedCheckpointError(
      'QL_MODEL_CHANGED',
      `The weights in ${checkpoint.directory} are not those that this run began with, so what is finished does not fit them. Put the old ones back, or start over with --fresh.`,
    );
  return hashes;
};
