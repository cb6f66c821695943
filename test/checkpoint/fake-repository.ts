import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { HubFetchOptions, HubFile, HubRepository } from '../../src/hub/index.js';

/** A repository over a directory, with a cache in another, that notes what it is asked. */
export interface FakeRepository extends HubRepository {
  /** `fetch PATH`, `range PATH BEGIN-END`, `discard PATH`, in order. */
  readonly asked: readonly string[];
  /** Largest number of large files under way at once. */
  readonly atOnce: () => number;
  /** Called inside each fetch, before the file appears. */
  onFetch: (path: string, options: HubFetchOptions) => Promise<void>;
}

export interface FakeRepositoryOptions {
  /** Files whose SHA-256 the Hub tells; shards unless told. */
  readonly isLarge?: (path: string) => boolean;
  /** False for a cache that holds the files themselves. */
  readonly links?: boolean;
}

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Makes a repository of a directory's files; the cache folder is made when something is fetched. */
export const fakeRepository = async (directory: string, cache: string, options: FakeRepositoryOptions = {}): Promise<FakeRepository> => {
  const { isLarge = (path: string) => path.endsWith('.safetensors'), links = true } = options;
  const commit = 'c0ffee'.padEnd(40, '0');
  const snapshot = join(cache, 'snapshots', commit);
  const contents = new Map<string, Buffer>();
  for (const path of (await readdir(directory)).sort()) contents.set(path, await readFile(join(directory, path)));
  const files = [...contents].map(([path, bytes]): HubFile => ({
    path,
    bytes: bytes.length,
    sha256: isLarge(path) ? sha256Of(bytes) : undefined,
  }));
  const asked: string[] = [];
  let [now, most] = [0, 0];
  const blobOf = (path: string): string => join(cache, 'blobs', sha256Of(contents.get(path)!));
  const has = (path: string): Promise<boolean> =>
    stat(join(snapshot, path)).then(
      () => true,
      () => false,
    );
  const bring = async (path: string): Promise<void> => {
    const link = join(snapshot, path);
    const place = links ? blobOf(path) : link;
    await mkdir(join(cache, 'blobs'), { recursive: true });
    await mkdir(snapshot, { recursive: true });
    await copyFile(join(directory, path), place);
    if (links) await symlink(relative(snapshot, place), link);
  };
  const repository: FakeRepository = {
    ...{ kind: 'model', name: 'org/fake', revision: 'main', commit, files, directory: snapshot, asked, has },
    atOnce: () => most,
    onFetch: async () => undefined,
    fetch: async (path, fetchOptions = {}) => {
      if (await has(path)) return join(snapshot, path);
      asked.push(`fetch ${path}`);
      if (isLarge(path)) most = Math.max(most, ++now);
      try {
        await repository.onFetch(path, fetchOptions);
        fetchOptions.signal?.throwIfAborted();
        await bring(path);
      } finally {
        if (isLarge(path)) now--;
      }
      return join(snapshot, path);
    },
    readRange: async (path, begin, end) => {
      asked.push(`range ${path} ${begin}-${end}`);
      return contents.get(path)!.subarray(begin, end);
    },
    discard: async (path) => {
      asked.push(`discard ${path}`);
      await rm(join(snapshot, path));
      if (links) await rm(blobOf(path));
    },
  };
  return repository;
};
