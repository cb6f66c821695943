import { realpath } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { HubFetchOptions, HubRepository } from '../hub/index.js';
import type { AnnouncedHash, ShardSupply } from './contract.js';
import { MalformedCheckpointError } from './errors.js';
import { hashShard } from './hash-shard.js';

/** A shard of a Hub repository, and where its bytes lie or will lie. */
export interface HubShard {
  /** Inside the repository. */
  readonly path: string;
  /** Absolute real path. */
  readonly file: string;
  /** Undefined where the Hub tells none, or can't be asked, and the cache held the shard. */
  readonly sha256: string | undefined;
  /** True where the cache held it before this run. */
  readonly cached: boolean;
  /** True where this run has brought it already. */
  readonly brought: boolean;
}

/** How shards are brought, and what becomes of them. */
export interface HubSupplyOptions extends HubFetchOptions {
  /** Remove shards that this supply brought when they are let go; one that the cache held before is never removed. */
  readonly discard: boolean;
}

/** Brings shards from the Hub into its cache, one at a time. */
export class HubShardSupply implements ShardSupply {
  readonly commit: string;
  readonly files: readonly string[];
  readonly #byFile: ReadonlyMap<string, HubShard>;
  readonly #byPath: ReadonlyMap<string, HubShard>;
  readonly #brought: Set<string>;
  readonly #hashes = new Map<string, Promise<string>>();
  readonly #transfers = new Map<string, Promise<void>>();
  readonly #inTurn = pLimit(1);
  readonly #stop = new AbortController();
  readonly #fetchOptions: HubFetchOptions;

  constructor(
    readonly repository: Pick<HubRepository, 'commit' | 'has' | 'fetch' | 'discard'>,
    shards: readonly HubShard[],
    readonly options: HubSupplyOptions,
  ) {
    this.commit = repository.commit;
    this.files = shards.map(({ file }) => file);
    this.#byFile = new Map(shards.map((shard) => [shard.file, shard]));
    this.#byPath = new Map(shards.map((shard) => [shard.path, shard]));
    this.#brought = new Set(shards.filter(({ brought }) => brought).map(({ file }) => file));
    const signals = options.signal ? [options.signal, this.#stop.signal] : [this.#stop.signal];
    this.#fetchOptions = { signal: AbortSignal.any(signals), onTransfer: options.onTransfer };
  }

  async require(files: Iterable<string>): Promise<void> {
    await Promise.all(Array.from(new Set(files), (file) => this.#bring(this.#shard(file))));
  }

  async release(files: Iterable<string>): Promise<void> {
    if (!this.options.discard) return;
    for (const file of new Set(files)) {
      if (this.#transfers.has(file) || !this.#brought.delete(file)) continue;
      await this.repository.discard(this.#shard(file).path);
    }
  }

  async announced(shard: string): Promise<AnnouncedHash> {
    const known = this.#byPath.get(shard);
    if (!known) throw new RangeError(`${shard} is no shard of this checkpoint.`);
    if (known.sha256 !== undefined) return { sha256: known.sha256, verified: !known.cached };
    return { sha256: await this.#hash(known), verified: true };
  }

  /** Of a shard that the cache held, and will hold until the end. */
  #hash({ file, path }: HubShard): Promise<string> {
    const hash = this.#hashes.get(file) ?? hashShard(file, path, this.#fetchOptions.signal);
    this.#hashes.set(file, hash);
    return hash;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#transfers.values());
    await this.release([...this.#brought]);
  }

  #shard(file: string): HubShard {
    const shard = this.#byFile.get(file);
    if (!shard) throw new RangeError(`${file} is no shard of this checkpoint.`);
    return shard;
  }

  #bring(shard: HubShard): Promise<void> {
    const { file } = shard;
    const under = this.#transfers.get(file);
    if (under) return under;
    const transfer = this.#transfer(shard).finally(() => this.#transfers.delete(file));
    this.#transfers.set(file, transfer);
    return transfer;
  }

  async #transfer(shard: HubShard): Promise<void> {
    if (await this.repository.has(shard.path)) return;
    await this.#inTurn(async () => {
      const path = await this.repository.fetch(shard.path, this.#fetchOptions);
      this.#brought.add(shard.file);
      await expectPlace(shard, path);
    });
  }
}

/** ONNX Runtime maps a block's weights from one folder, which was told before the shard came. */
const expectPlace = async ({ path, file }: HubShard, link: string): Promise<void> => {
  const place = await realpath(link);
  if (place === file) return;
  throw new MalformedCheckpointError(
    'QL_SHARD_PLACE',
    `${path}: the cache put it at ${place}, but the other files of its snapshot are laid out so that it belongs at ${file}. Remove this snapshot from the cache, or name another one with HF_HUB_CACHE.`,
  );
};
