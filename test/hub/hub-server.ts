import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fault, FaultPlan, PlannedRequest } from './fault-plan.js';
import { refuse, sendBody, sendContent } from './send-answer.js';
import { digest, storeRepository, toEntry, type ServedRepository, type StoredFile, type StoredRepository } from './stored-repository.js';

/** One request as it came. */
export interface SeenRequest extends PlannedRequest {
  readonly method: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** How the server behaves. */
export interface HubServerOptions {
  /** Tokens that some account has; others are refused wherever they are sent. */
  readonly accounts?: readonly string[];
  readonly faults?: FaultPlan;
  /** Most entries of one answer of a file list. */
  readonly pageEntries?: number;
  /** The storage host sends whole files whatever is asked. */
  readonly ignoresRange?: boolean;
  /** Files that the Hub keeps in its large-file storage. */
  readonly isLarge?: (path: string) => boolean;
  /** Changes an entry of a file list, to tell lies. */
  readonly editEntry?: (entry: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
}

/** A running server. */
export interface HubServer {
  readonly endpoint: string;
  /** All requests so far, also those of the storage host. */
  readonly requests: readonly SeenRequest[];
  /** Commit behind a branch or tag. */
  readonly commit: (name: string, revision?: string) => string;
  /** Changes what goes wrong from now on. */
  readonly setFaults: (plan: FaultPlan | undefined) => void;
  readonly close: () => Promise<void>;
}

const LARGE = /\.(safetensors|bin|parquet|gz|zst|arrow)$/u;

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/**
 * Starts a server on 127.0.0.1 that speaks the Hub's endpoints for models and datasets: information and file lists of a
 * revision, and files. Large files are redirected to a second origin, as the Hub redirects them to its storage; small ones to
 * another address of the same origin.
 */
export const startHubServer = async (repositories: readonly ServedRepository[], options: HubServerOptions = {}): Promise<HubServer> => {
  const { accounts = [], pageEntries = 1000, ignoresRange = false } = options;
  const isLarge = options.isLarge ?? ((path: string) => LARGE.test(path));
  const editEntry = options.editEntry ?? ((entry) => entry);
  const stored = await Promise.all(repositories.map((repository) => storeRepository(repository, isLarge)));
  const requests: SeenRequest[] = [];
  let faults = options.faults;

  /** Notes the request, and answers it where the plan says that it fails with a status; what else goes wrong is the caller's. */
  const meet = (request: IncomingMessage, response: ServerResponse, at: PlannedRequest['at']): Fault | undefined => {
    const { authorization, range } = request.headers;
    const seen = { index: requests.length, at, path: request.url ?? '', method: request.method ?? '', authorization, range };
    requests.push(seen);
    const fault = faults?.(seen);
    if (fault?.kind === 'status') response.writeHead(fault.status, { ...fault.headers }).end('out of order');
    return fault;
  };

  const storageServer = createServer((request, response) => {
    const fault = meet(request, response, 'storage');
    if (response.headersSent) return;
    const sha256 = /^\/storage\/([0-9a-f]{64})\?Signature=secret$/u.exec(request.url ?? '')?.[1];
    const file = stored.flatMap(({ commits }) => [...commits.values()].flat()).find((file) => file.sha256 === sha256);
    if (file === undefined) refuse(response, 404, undefined, 'NoSuchKey');
    else sendContent(request, response, { etag: `"${digest('sha1', 'storage', file.sha256)}"` }, file, fault, ignoresRange);
  });
  const storage = await listen(storageServer);

  const token = (request: IncomingMessage): string => request.headers.authorization?.replace(/^Bearer /u, '') ?? '';

  const findRepository = (request: IncomingMessage, response: ServerResponse, kind: string, name: string): StoredRepository | undefined => {
    if (request.headers.authorization !== undefined && !accounts.includes(token(request))) {
      refuse(response, 401, undefined, 'Invalid credentials in Authorization header');
      return undefined;
    }
    const repository = stored.find((repository) => repository.kind === kind && repository.name === name);
    if (repository !== undefined && (repository.tokens?.includes(token(request)) ?? true)) return repository;
    refuse(response, request.headers.authorization === undefined ? 401 : 404, 'RepoNotFound', 'Repository not found');
    return undefined;
  };

  const findCommit = (response: ServerResponse, { commits, references }: StoredRepository, revision: string): string | undefined => {
    const commit = references.get(revision) ?? (commits.has(revision) ? revision : undefined);
    if (commit === undefined) refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    return commit;
  };

  const sendJson = (response: ServerResponse, value: unknown, fault: Fault | undefined, headers: Record<string, string> = {}): void =>
    sendBody(response, 200, { 'content-type': 'application/json; charset=utf-8', ...headers }, Buffer.from(JSON.stringify(value)), fault);

  const sendList = (response: ServerResponse, url: URL, files: readonly StoredFile[], fault: Fault | undefined): void => {
    const begin = Number(url.searchParams.get('cursor') ?? '0');
    const page = files.slice(begin, begin + pageEntries).map((file) => editEntry(toEntry(file)));
    const folders =
      begin === 0 ? [...new Set(files.map(({ path }) => path.split('/').slice(0, -1).join('/')))].filter((path) => path !== '') : [];
    url.searchParams.set('cursor', String(begin + pageEntries));
    const link: Record<string, string> = begin + pageEntries < files.length ? { link: `<${url.href}>; rel="next"` } : {};
    sendJson(response, [...folders.map((path) => ({ type: 'directory', path, size: 0, oid: digest('sha1', path) })), ...page], fault, link);
  };

  const sendFile = (
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    kind: string,
    name: string,
    rest: string[],
    fault: Fault | undefined,
  ): void => {
    const repository = findRepository(request, response, kind, name);
    const commit = repository && findCommit(response, repository, decodeURIComponent(rest[0] ?? ''));
    if (repository === undefined || commit === undefined) return;
    const path = rest.slice(1).map(decodeURIComponent).join('/');
    const isReader = repository.gatedFor?.includes(token(request)) ?? true;
    const file = repository.commits.get(commit)?.find((file) => file.path === path);
    const headers = { 'x-repo-commit': commit };
    if (!isReader)
      refuse(response, request.headers.authorization === undefined ? 401 : 403, 'GatedRepo', `Access to ${name} is restricted.`);
    else if (file === undefined) refuse(response, 404, 'EntryNotFound', 'Entry not found');
    else if (url.pathname.startsWith('/api/resolve-cache/'))
      sendContent(request, response, { ...headers, etag: `"${file.gitSha1}"` }, file, fault, false);
    else if (fault?.kind === 'drop') response.destroy();
    else {
      const linked = { 'x-linked-etag': `"${file.isLarge ? file.sha256 : file.gitSha1}"`, 'x-linked-size': String(file.content.length) };
      const inner = `/api/resolve-cache/${kind}s/${name}/${commit}/${rest.slice(1).join('/')}`;
      const xet = { location: `${storage}/storage/${file.sha256}?Signature=secret`, 'x-xet-hash': digest('sha256', 'xet', file.sha256) };
      response.writeHead(file.isLarge ? 302 : 307, { ...headers, ...linked, ...(file.isLarge ? xet : { location: inner }) }).end();
    }
  };

  const hub = createServer((request, response) => {
    const url = new URL(request.url ?? '', endpoint);
    const api = /^\/api\/(model|dataset)s\/((?:[\w.-]+\/)?[\w.-]+)\/(revision|tree)\/([^/]+)$/u.exec(url.pathname);
    const resolved = /^\/(?:(dataset)s\/)?((?:[\w.-]+\/)?[\w.-]+)\/resolve\/(.+)$/u.exec(url.pathname);
    const small = /^\/api\/resolve-cache\/(model|dataset)s\/((?:[\w.-]+\/)?[\w.-]+)\/([0-9a-f]{40}\/.+)$/u.exec(url.pathname);
    const fault = meet(request, response, api === null ? 'resolve' : 'api');
    if (response.headersSent) return;
    if (fault?.kind === 'web-page') {
      sendBody(response, 200, {}, Buffer.alloc(0), fault);
      return;
    }
    const file = small ?? resolved;
    if (file !== null) sendFile(request, response, url, file[1] ?? 'model', file[2]!, file[3]!.split('/'), fault);
    else if (api !== null) {
      const repository = findRepository(request, response, api[1]!, api[2]!);
      const commit = repository && findCommit(response, repository, decodeURIComponent(api[4]!));
      if (repository === undefined || commit === undefined) return;
      const files = repository.commits.get(commit)!;
      if (api[3] === 'tree') sendList(response, url, files, fault);
      else
        sendJson(
          response,
          { _id: '0', id: api[2], sha: commit, private: false, siblings: files.map(({ path }) => ({ rfilename: path })) },
          fault,
        );
    } else refuse(response, 404, undefined, 'Not found');
  });
  const endpoint = await listen(hub);

  return {
    endpoint,
    requests,
    commit: (name, revision = 'main') => stored.find((repository) => repository.name === name)!.references.get(revision)!,
    setFaults: (plan) => {
      faults = plan;
    },
    close: async () => {
      await Promise.all(
        [hub, storageServer].map((server) => {
          server.closeAllConnections();
          return new Promise((resolve) => server.close(resolve));
        }),
      );
    },
  };
};
