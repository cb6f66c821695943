import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import { QuailoraError } from '../foundation/index.js';
import type { HubFile } from './contract.js';
import type { HubClient } from './hub-client.js';
import { HubError } from './hub-error.js';

/** A file with the name that its bytes have in the cache. */
export interface ListedFile extends HubFile {
  /** Checksum of the content: SHA-256 for large files, git's SHA-1 of a blob for the others. */
  readonly blob: string;
}

/** What a revision holds. */
export interface RepositoryListing {
  /** 40 hexadecimal digits. */
  readonly commit: string;
  /** Sorted by path. */
  readonly files: readonly ListedFile[];
}

/** A path that stays inside the folder that it is joined to, on every system. */
export const isInnerPath = (path: string): boolean =>
  !/[\\\0]/u.test(path) && !/^[a-z]:/iu.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Finds the commit behind a revision, and its files.
 *
 * The requests are those of the package `@huggingface/hub`; they go through the client, which adds the token (the package
 * refuses tokens that do not begin with `hf_`), retries and tells failures apart.
 *
 * @throws HubError; see its table
 */
export const listRepository = async (client: HubClient, signal: AbortSignal | undefined): Promise<RepositoryListing> => {
  const { label, endpoint: hubUrl } = client;
  const strange = (what: string, cause?: unknown): HubError =>
    new HubError('QL_HUB_ANSWER', `${label.shown}: ${hubUrl} ${what}, which is not how the Hub answers. Check HF_ENDPOINT.`, { cause });
  const fetch: typeof globalThis.fetch = async (input) => {
    const { text, headers } = await client.getJson(input instanceof Request ? input.url : input.toString(), signal);
    return new Response(text, { headers });
  };

  const findCommit = async (): Promise<string> => {
    const question = { name: label.name, revision: label.revision, additionalFields: ['sha' as const], hubUrl, fetch };
    const info: { readonly sha?: unknown } = label.kind === 'model' ? await modelInfo(question) : await datasetInfo(question);
    if (typeof info.sha === 'string' && /^[0-9a-f]{40}$/u.test(info.sha)) return info.sha;
    throw strange(`names no commit for revision ${JSON.stringify(label.revision)}`);
  };

  const readEntry = ({ path, size, oid, lfs }: Awaited<ReturnType<typeof readEntries>>[number]): ListedFile => {
    const blob = lfs?.oid ?? oid;
    const bytes = lfs?.size ?? size;
    const isWhole = typeof path === 'string' && isInnerPath(path) && Number.isSafeInteger(bytes) && bytes >= 0;
    if (!isWhole || !(lfs === undefined ? /^[0-9a-f]{40}$/u : /^[0-9a-f]{64}$/u).test(blob ?? '')) {
      throw strange(`lists a file without a usable path, size and checksum (${JSON.stringify({ path, size, oid, lfs })})`);
    }
    return { path, bytes, sha256: lfs?.oid, blob: blob! };
  };

  const readEntries = async (commit: string) => {
    const entries = [];
    for await (const entry of listFiles({
      repo: { type: label.kind, name: label.name },
      revision: commit,
      recursive: true,
      hubUrl,
      fetch,
    })) {
      if (entry.type === 'file') entries.push(entry);
    }
    return entries;
  };

  try {
    const commit = await findCommit();
    const files = (await readEntries(commit)).map(readEntry).sort((a, b) => compare(a.path, b.path));
    return { commit, files };
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof QuailoraError ? error : strange('gives a list that can not be read', error);
  }
};
