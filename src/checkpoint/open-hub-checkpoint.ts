import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { readTextFile } from '../foundation/index.js';
import type { HubFetchOptions, HubFile, HubRepository } from '../hub/index.js';
import { assembleCheckpoint } from './assemble-checkpoint.js';
import type { Checkpoint, ShardSupply } from './contract.js';
import { hashShard } from './hash-shard.js';
import { HubShardSupply, type HubShard, type HubSupplyOptions } from './hub-shard-supply.js';
import { readHubHeader } from './read-hub-header.js';

/** Small requests under way at once: enough to hide the latency, few enough for the Hub's rate limit. */
const REQUESTS_AT_ONCE = 4;

/** Files beside the shards that a model, its tokenizer or its quantized copy is made of; the Hub keeps them in the first folder. */
const SIDE_FILES =
  /^(config\.json|generation_config\.json|model\.safetensors\.index\.json|tokenizer[^/]*\.json|[^/]*\.model|tekken\.json|special_tokens_map\.json|added_tokens\.json|chat_template\.(jinja|json)|vocab\.(json|txt)|merges\.txt|LICENSE[^/]*)$/;

/** A checkpoint whose shards come when they are required. */
export type SuppliedCheckpoint = Checkpoint & { readonly supply: ShardSupply };

/** How a Hub repository is opened as a checkpoint. */
export interface HubCheckpointOptions extends HubSupplyOptions {
  /** True where the repository shows the cached files only; for messages. */
  readonly offline?: boolean | undefined;
}

/** Where the bytes of the cache's files lie, links resolved. */
interface CachePlaces {
  /** The snapshot's folder. */
  readonly snapshot: string;
  /** Real path that a large file of this SHA-256 will have. */
  readonly placeOf: (file: HubFile & { readonly sha256: string }) => string;
}

/** Learns from a file that is there whether this cache links to blobs named by their hash, or holds the files themselves. */
const findPlaces = async (link: string): Promise<CachePlaces> => {
  const snapshot = await realpath(dirname(link));
  const folder = dirname(await realpath(link));
  return { snapshot, placeOf: ({ path, sha256 }) => (folder === snapshot ? join(snapshot, path) : join(folder, sha256)) };
};

/** Where a shard lies or will lie; one whose hash the Hub does not tell is small, and is fetched now. */
const placeShard = async (
  repository: HubRepository,
  { placeOf }: CachePlaces,
  file: HubFile,
  options: HubFetchOptions,
): Promise<HubShard> => {
  const { path, sha256 } = file;
  const link = join(repository.directory, path);
  if (await repository.has(path)) return { path, file: await realpath(link), sha256, cached: true, brought: false };
  if (sha256 !== undefined) return { path, file: placeOf({ ...file, sha256 }), sha256, cached: false, brought: false };
  const place = await realpath(await repository.fetch(path, options));
  return { path, file: place, sha256: await hashShard(place, path, options.signal), cached: false, brought: true };
};

/**
 * Opens a Hub repository as a checkpoint: fetches its small files, reads every shard's header by a range request, and
 * says where each tensor will lie in the cache. Shards come when `supply` is asked for them.
 *
 * @throws MalformedCheckpointError as `openCheckpoint`; HubError, FileWriteError as `HubRepository.fetch`
 */
export const openHubCheckpoint = async (repository: HubRepository, options: HubCheckpointOptions): Promise<SuppliedCheckpoint> => {
  const { name, commit, files } = repository;
  const short = `${name} at ${commit.slice(0, 7)}`;
  const limit = pLimit(REQUESTS_AT_ONCE);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const names = [...byPath.keys()].filter((path) => !path.includes('/'));
  const fetch = async (path: string): Promise<string> => repository.fetch(path, options);
  const links = await Promise.all(names.filter((path) => SIDE_FILES.test(path)).map((path) => limit(fetch, path)));
  const places = links[0] === undefined ? undefined : await findPlaces(links[0]);
  const shards: HubShard[] = [];
  const checkpoint = await assembleCheckpoint({
    label: options.offline ? `The cached part of ${short}` : short,
    remedy: options.offline
      ? 'Unset HF_HUB_OFFLINE, and run once with --prefetch: it fetches every shard.'
      : 'The repository is incomplete: tell its owner, or try another revision.',
    directory: places?.snapshot ?? repository.directory,
    names,
    readText: async (path) => readTextFile(await fetch(path)),
    readHeaders: (paths) =>
      Promise.all(
        paths.map((path, i) =>
          limit(async () => {
            const file = byPath.get(path);
            if (!file || !places) return undefined;
            const shard = (shards[i] = await placeShard(repository, places, file, options));
            return { file: shard.file, tensors: await readHubHeader(repository, file, { signal: options.signal }) };
          }),
        ),
      ),
  });
  return { ...checkpoint, supply: new HubShardSupply(repository, shards, options) };
};
