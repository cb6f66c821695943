import type { ReadableStreamReadResult } from 'node:stream/web';
import type { HubPatience, HubSettings } from './contract.js';
import { explainNetworkFailure } from './explain-network-failure.js';
import { explainRefusal } from './explain-refusal.js';
import { HubError } from './hub-error.js';
import { insist } from './insist.js';
import type { RepositoryLabel } from './repository-label.js';

const MAX_REDIRECTS = 10;
/** A longer body costs more than a new connection. */
const MAX_DRAINED_BYTES = 1 << 16;

/** A successful answer while its body arrives. */
export interface HubAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** What the Hub says the file is (X-Linked-ETag, without quotes), before it redirected elsewhere. */
  readonly linkedEtag: string | undefined;
  /** True when one of the Hub's own answers named a commit: a captive portal's page does not. */
  readonly isHubs: boolean;
  /** Address that answered, without its query (signatures). */
  readonly address: string;
  /** The body; rejects with a HubError when the connection breaks or stays silent. */
  readonly chunks: () => AsyncGenerator<Uint8Array>;
}

/** What to ask for. */
export interface HubRequest {
  readonly address: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** File that it is about, for messages. */
  readonly file?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Speaks HTTP with the Hub about one repository. */
export interface HubClient {
  readonly label: RepositoryLabel;
  readonly endpoint: string;
  readonly patience: HubPatience;
  /** True while nothing was ever answered. */
  readonly isFirstContact: () => boolean;
  /** Asks once and hands the answer over while the connection is open. */
  readonly get: <T>(request: HubRequest, use: (answer: HubAnswer) => Promise<T>) => Promise<T>;
  /** Asks for JSON, as often as patience allows; the text is known to parse. */
  readonly getJson: (address: string, signal: AbortSignal | undefined) => Promise<{ readonly text: string; readonly headers: Headers }>;
}

const withoutQuery = (url: URL): string => `${url.origin}${url.pathname}`;

const checkToken = (token: string | undefined): string | undefined => {
  if (token === undefined || /^[\x21-\x7e]+$/u.test(token)) return token;
  throw new HubError(
    'QL_HUB_TOKEN',
    'The token holds spaces or characters that no token has. Check HF_TOKEN, or the token file, for a stray line.',
  );
};

/** One connection's life: it ends by the caller's signal, or after a silence. */
const openWatch = (silenceMs: number, signal: AbortSignal | undefined, shown: string) => {
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    /** Waits for the network, and for it only: a slow disk is no silence. */
    listen: async <T>(url: URL, action: () => Promise<T>): Promise<T> => {
      signal?.throwIfAborted();
      const timer = setTimeout(() => {
        const message = `${shown}: ${withoutQuery(url)} has sent nothing for ${silenceMs / 1000} s. Check the connection, and run again.`;
        controller.abort(new HubError('QL_HUB_NETWORK', message, { retryable: true }));
      }, silenceMs);
      try {
        return await action();
      } catch (cause) {
        signal?.throwIfAborted();
        controller.signal.throwIfAborted();
        throw explainNetworkFailure(shown, withoutQuery(url), cause);
      } finally {
        clearTimeout(timer);
      }
    },
    /** Also lets go of a body that nobody read to its end. */
    close: (): void => {
      signal?.removeEventListener('abort', stop);
      controller.abort();
    },
  };
};

type Watch = ReturnType<typeof openWatch>;

const readChunks = async function* (response: Response, url: URL, watch: Watch): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const chunk: ReadableStreamReadResult<Uint8Array> = await watch.listen(url, () => reader.read());
      if (chunk.done) return;
      yield chunk.value;
    }
  } finally {
    // A body that broke rejects again here, with what was already thrown.
    await reader.cancel().catch(() => undefined);
  }
};

/** Reads what nobody needs: a body that was read to its end leaves the connection to the next request. */
const drain = async (response: Response, url: URL, watch: Watch): Promise<void> => {
  let bytes = 0;
  for await (const chunk of readChunks(response, url, watch)) if ((bytes += chunk.byteLength) > MAX_DRAINED_BYTES) break;
};

const redirectTarget = (response: Response, url: URL, shown: string): URL | undefined => {
  if (![301, 302, 303, 307, 308].includes(response.status)) return undefined;
  const location = response.headers.get('location') ?? '';
  const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  if (target?.protocol === 'https:' || target?.protocol === 'http:') return target;
  throw new HubError('QL_HUB_ANSWER', `${shown}: ${withoutQuery(url)} redirects to no address that can be followed.`);
};

/** Joins the body of an answer that fits memory. */
const readText = async (answer: HubAnswer): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

const parsesAsJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/**
 * Makes a client for one repository.
 *
 * Redirects are followed by hand: the token goes to the endpoint's own origin only, never to the storage hosts that the Hub
 * redirects large files to. Xet-backed files come over the same plain HTTP, which the Hub serves for all of them.
 *
 * @throws HubError QL_HUB_TOKEN when the token can't be sent
 */
export const createHubClient = (label: RepositoryLabel, settings: HubSettings, patience: HubPatience): HubClient => {
  const token = checkToken(settings.token);
  const { endpoint } = settings;
  const { origin } = new URL(endpoint);
  let answered = false;

  const get: HubClient['get'] = async ({ address, headers, file, signal }, use) => {
    const subject = file === undefined ? label.shown : `${file} of ${label.shown}`;
    const watch = openWatch(patience.silenceMs, signal, subject);
    try {
      let linkedEtag: string | undefined;
      let isHubs = false;
      for (let hops = 0, url = new URL(address); hops <= MAX_REDIRECTS; hops++) {
        const current = url;
        const isEndpoint = current.origin === origin;
        const authorization = isEndpoint && token !== undefined ? { authorization: `Bearer ${token}` } : {};
        const sent = { 'user-agent': 'quailora', 'accept-encoding': 'identity', ...headers, ...authorization };
        const response = await watch.listen(current, () => fetch(current, { headers: sent, redirect: 'manual', signal: watch.signal }));
        answered = true;
        if (isEndpoint) {
          linkedEtag ??= response.headers.get('x-linked-etag')?.replace(/^W\//u, '').replaceAll('"', '');
          isHubs ||= response.headers.has('x-repo-commit');
        }
        const target = redirectTarget(response, current, subject);
        const address = withoutQuery(current);
        if (target === undefined && response.ok) {
          const chunks = (): AsyncGenerator<Uint8Array> => readChunks(response, current, watch);
          return await use({ status: response.status, headers: response.headers, linkedEtag, isHubs, address, chunks });
        }
        await drain(response, current, watch);
        if (target === undefined)
          throw explainRefusal(response, { label, subject, endpoint, hasToken: token !== undefined, isEndpoint, address });
        url = target;
      }
      throw new HubError('QL_HUB_ANSWER', `${subject}: ${address} redirects more than ${MAX_REDIRECTS} times. Check HF_ENDPOINT.`);
    } finally {
      watch.close();
    }
  };

  const isFirstContact = (): boolean => !answered;
  const getJson: HubClient['getJson'] = (address, signal) =>
    insist(
      () =>
        get({ address, headers: { accept: 'application/json' }, signal }, async (answer) => {
          const text = await readText(answer);
          if (parsesAsJson(text)) return { text, headers: answer.headers };
          const kind = answer.headers.get('content-type') ?? 'of no type';
          throw new HubError(
            'QL_HUB_ANSWER',
            `${label.shown}: ${answer.address} answers with something else than JSON (${kind}, ${text.length} characters). Check HF_ENDPOINT, and whether a proxy or a login page stands between.`,
          );
        }),
      { patience, isFirstContact, signal },
    );

  return { label, endpoint, patience, isFirstContact, get, getJson };
};
