import { isAbsolute, normalize, sep } from 'node:path';
import { parseJson } from '../foundation/index.js';
import { MalformedCheckpointError } from './errors.js';
import { findDuplicateKey } from './find-duplicate-key.js';

/** File name of a sharded checkpoint's index. */
export const SHARD_INDEX_NAME = 'model.safetensors.index.json';

/** Shard file of each tensor, by the tensor's name; shard files are relative to the directory. */
export type ShardIndex = ReadonlyMap<string, string>;

const refused = (what: string, cause?: unknown): MalformedCheckpointError =>
  new MalformedCheckpointError('QL_INDEX', `${SHARD_INDEX_NAME} ${what}. Fetch or write the index again.`, cause);

/**
 * Parses model.safetensors.index.json.
 *
 * @returns tensor name → shard file, never a path that leaves the directory
 * @throws MalformedCheckpointError QL_INDEX; retrying does not help
 */
export const parseShardIndex = (text: string): ShardIndex => {
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (cause) {
    throw refused(`is not valid JSON (${String(cause)})`, cause);
  }
  const map: unknown = typeof parsed === 'object' && parsed !== null && 'weight_map' in parsed ? parsed.weight_map : undefined;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw refused('has no "weight_map" object');
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw refused(`holds the key "${duplicate}" twice`);
  const index = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || shard === '') throw refused(`maps "${tensor}" to ${JSON.stringify(shard)}, not to a file name`);
    const path = normalize(shard);
    if (isAbsolute(path) || path === '..' || path.startsWith(`..${sep}`))
      throw refused(`maps "${tensor}" to ${JSON.stringify(shard)}, which is outside the checkpoint directory`);
    if (!path.endsWith('.safetensors')) throw refused(`maps "${tensor}" to ${JSON.stringify(shard)}, which is not a safetensors file`);
    index.set(tensor, path);
  }
  if (!index.size) throw refused('names no tensor');
  return index;
};
