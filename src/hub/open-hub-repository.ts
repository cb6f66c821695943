import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HubFetchOptions, HubOpenOptions, HubRepository, HubRepositoryId, HubSettings } from './contract.js';
import { downloadBlob } from './download-blob.js';
import { createHubClient, type HubClient } from './hub-client.js';
import { HubError } from './hub-error.js';
import { DEFAULT_PATIENCE } from './insist.js';
import { listRepository, type ListedFile, type RepositoryListing } from './list-repository.js';
import { receiveBytes } from './receive-bytes.js';
import { fileBytes, openRepositoryCache, type RepositoryCache } from './repository-cache.js';
import { labelRepository, type RepositoryLabel } from './repository-label.js';
import { shareCalls } from './share-calls.js';

/** Lists what the cache holds of a revision: all that there is offline. */
const listCached = async (label: RepositoryLabel, cache: RepositoryCache): Promise<RepositoryListing> => {
  const commit = await cache.readRevision();
  const found = commit === undefined ? undefined : await stat(cache.snapshot(commit)).catch(() => undefined);
  if (commit === undefined || found === undefined) {
    throw new HubError(
      'QL_HUB_OFFLINE',
      `${label.shown}, revision ${JSON.stringify(label.revision)}, is not in the cache (${cache.directory}), and nothing may be downloaded: HF_HUB_OFFLINE is set. ` +
        'Unset it, or let HF_HOME or HF_HUB_CACHE point to a cache that holds it.',
    );
  }
  const files = (await cache.listSnapshot(commit)).map(({ path, bytes, blob }) => ({
    path,
    bytes,
    blob: blob ?? '',
    sha256: blob?.length === 64 ? blob : undefined,
  }));
  return { commit, files };
};

const missingFile = (label: RepositoryLabel, { commit, files }: RepositoryListing, path: string, isOffline: boolean): HubError => {
  const examples = files.slice(0, 5).map((file) => file.path);
  const holds = files.length === 0 ? 'It holds no files' : `It holds ${files.length} files, such as ${examples.join(', ')}`;
  return isOffline
    ? new HubError(
        'QL_HUB_OFFLINE',
        `${path} of ${label.shown} at commit ${commit} is not in the cache, and nothing may be downloaded: HF_HUB_OFFLINE is set. Unset it, and run again.`,
      )
    : new HubError('QL_HUB_FILE', `${label.shown} has no file ${JSON.stringify(path)} at commit ${commit}. ${holds}.`);
};

const checkRange = (label: RepositoryLabel, { path, bytes }: ListedFile, begin: number, end: number): void => {
  if (Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && begin <= end && end <= bytes) return;
  throw new HubError('QL_HUB_RANGE', `${path} of ${label.shown} has ${bytes} bytes: ${begin}–${end} is not a part of it.`);
};

const readCached = async (path: string, target: Uint8Array, begin: number): Promise<void> => {
  const handle = await open(path);
  try {
    for (let done = 0; done < target.byteLength;) {
      const { bytesRead } = await handle.read(target, done, target.byteLength - done, begin + done);
      if (bytesRead === 0) throw new HubError('QL_HUB_LENGTH', `${path} became shorter while it was read.`, { retryable: true });
      done += bytesRead;
    }
  } finally {
    await handle.close();
  }
};

const assemble = (
  client: HubClient | undefined,
  cache: RepositoryCache,
  label: RepositoryLabel,
  listing: RepositoryListing,
): HubRepository => {
  const { commit } = listing;
  const directory = cache.snapshot(commit);
  const files = new Map(listing.files.map((file) => [file.path, file]));
  const share = shareCalls();

  const find = (path: string): ListedFile => {
    const file = files.get(path);
    if (file === undefined) throw missingFile(label, listing, path, client === undefined);
    return file;
  };
  const isCached = async ({ path, bytes }: ListedFile): Promise<boolean> => (await fileBytes(join(directory, path))) === bytes;

  const bring = async (online: HubClient, file: ListedFile, options: HubFetchOptions): Promise<void> => {
    const blob = cache.blob(file.blob);
    const isNew = (await fileBytes(blob)) !== file.bytes;
    if (isNew) await downloadBlob(online, commit, file, blob, options);
    await cache.link(commit, file.path, file.blob, isNew);
  };

  return {
    kind: label.kind,
    name: label.name,
    revision: label.revision,
    commit,
    files: listing.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    directory,
    has: async (path) => {
      const file = files.get(path);
      return file !== undefined && isCached(file);
    },
    fetch: async (path, options = {}) => {
      const file = find(path);
      if (await isCached(file)) {
        // A cache that is mounted read-only still serves what it holds.
        await cache.rememberRevision(commit).catch(() => undefined);
        return join(directory, path);
      }
      if (client === undefined) throw missingFile(label, listing, path, true);
      // Two paths with the same content share the transfer, and link one after the other.
      while (!(await isCached(file))) await share(file.blob, (shared) => bring(client, file, shared), options);
      await cache.rememberRevision(commit);
      return join(directory, path);
    },
    readRange: async (path, begin, end, { signal, onTransfer } = {}) => {
      const file = find(path);
      checkRange(label, file, begin, end);
      const target = new Uint8Array(end - begin);
      if (await isCached(file)) {
        await readCached(join(directory, path), target, begin);
        return target;
      }
      if (client === undefined) throw missingFile(label, listing, path, true);
      let done = 0;
      const take = async (bytes: Uint8Array): Promise<void> => {
        target.set(bytes, done);
        done += bytes.byteLength;
        onTransfer?.({ file: path, bytes: done, totalBytes: target.byteLength });
      };
      await receiveBytes(client, { file, commit, position: () => begin + done, end, take, signal });
      return target;
    },
    discard: async (path) => {
      const file = find(path);
      await cache.remove(commit, path, file.blob === '' ? undefined : file.blob);
    },
  };
};

/**
 * Pins a repository to one commit and lists its files; the files come when they are asked for.
 *
 * Offline, the commit is the one that the cache last saw behind the revision, and the files are those that it holds.
 *
 * @throws HubError; see its table
 */
export const openHubRepository = async (
  id: HubRepositoryId,
  settings: HubSettings,
  options: HubOpenOptions = {},
): Promise<HubRepository> => {
  const label = labelRepository(id);
  const cache = openRepositoryCache(settings.cacheDirectory, label);
  if (settings.offline) return assemble(undefined, cache, label, await listCached(label, cache));
  const client = createHubClient(label, settings, { ...DEFAULT_PATIENCE, ...options.patience });
  return assemble(client, cache, label, await listRepository(client, options.signal));
};
