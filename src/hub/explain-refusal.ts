import { HubError } from './hub-error.js';
import type { RepositoryLabel } from './repository-label.js';

/** What an answer was asked for. */
export interface RefusalContext {
  readonly label: RepositoryLabel;
  /** The repository, or a file of it, for messages. */
  readonly subject: string;
  /** Address of the Hub. */
  readonly endpoint: string;
  readonly hasToken: boolean;
  /** True when the answer is the endpoint's own, false when it comes from a host that it redirected to. */
  readonly isEndpoint: boolean;
  /** Address that answered, without its query (signatures). */
  readonly address: string;
}

/** The Hub tells what happened in headers; anybody may hold the connection, so their text is cut and cleaned. */
const shownText = (text: string | null): string => (text ?? '').replace(/[^\x20-\x7e]+/gu, ' ').slice(0, 300);

/** Seconds, or a date taken against the answer's own date: no clock of ours is asked. */
const parseRetryAfter = (headers: Headers): number | undefined => {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/u.test(value)) return Number(value) * 1000;
  const wait = Date.parse(value) - Date.parse(headers.get('date') ?? '');
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
};

/** `ratelimit: "api";r=0;t=55`: nothing remains for 55 seconds; one more against rounding, as huggingface_hub waits. */
const parseRateLimit = (headers: Headers): number | undefined => {
  const match = /r=(\d+)\s*;\s*t=(\d+)/u.exec(headers.get('ratelimit') ?? '');
  return match?.[1] === '0' ? (Number(match[2]) + 1) * 1000 : undefined;
};

const explainFailure = (
  response: Response,
  status: string,
  { subject, endpoint, hasToken, address }: RefusalContext,
): HubError | undefined => {
  if (response.status === 429) {
    const retryAfterMs = parseRateLimit(response.headers) ?? parseRetryAfter(response.headers);
    const wait = retryAfterMs === undefined ? 'some minutes' : `${Math.ceil(retryAfterMs / 1000)} s`;
    return new HubError(
      'QL_HUB_RATE_LIMIT',
      `${endpoint} has had too many requests from here (429) and asks for a pause of ${wait}. Run again later${hasToken ? '' : '; with HF_TOKEN set the limit is higher'}.`,
      { retryable: true, retryAfterMs },
    );
  }
  if (response.status === 416) {
    const range = shownText(response.headers.get('content-range'));
    return new HubError('QL_HUB_LENGTH', `${subject}: ${address} is shorter than the Hub lists it (416 ${range}). Run again.`, {
      retryable: true,
    });
  }
  if (response.status < 500 && response.status !== 408) return undefined;
  const retryAfterMs = response.status === 503 ? parseRetryAfter(response.headers) : undefined;
  return new HubError('QL_HUB_SERVER', `${subject}: ${address} fails (${status}). Run again later.`, { retryable: true, retryAfterMs });
};

const missingRepository = ({ label, endpoint, hasToken }: RefusalContext): HubError =>
  new HubError(
    'QL_HUB_REPOSITORY',
    hasToken
      ? `There is no ${label.shown} at ${endpoint}, or it is private and the token may not read it. Check the name, and which account the token belongs to.`
      : `There is no ${label.shown} at ${endpoint}, or it is private. Check the name; for a private one, set HF_TOKEN to a token that may read it.`,
  );

const explainByCode = (response: Response, message: string, context: RefusalContext): HubError | undefined => {
  const { label, endpoint, hasToken, address } = context;
  switch (response.headers.get('x-error-code')) {
    case 'GatedRepo':
      return new HubError(
        'QL_HUB_GATED',
        `${label.shown} is gated${message === '' ? '' : ` (${message})`}. Accept its terms at ${endpoint}/${label.page}, ${
          hasToken ? 'with the account that the token belongs to' : 'and set HF_TOKEN to a token of that account'
        }.`,
      );
    case 'RevisionNotFound':
      return new HubError(
        'QL_HUB_REVISION',
        `${label.shown} has no revision ${JSON.stringify(label.revision)}. Its branches and tags are at ${endpoint}/${label.page}/tree/main.`,
      );
    case 'EntryNotFound':
      return new HubError('QL_HUB_FILE', `${label.shown} has no such file: ${address}.`);
    case 'RepoNotFound':
      return missingRepository(context);
    default:
      return undefined;
  }
};

/** The endpoint's answers without a code: the Hub says 401 for missing and private repositories alike. */
const explainByStatus = (response: Response, message: string, context: RefusalContext): HubError | undefined => {
  const { label, endpoint, hasToken } = context;
  const isPage = response.headers.get('content-type')?.includes('text/html') === true;
  if (response.status === 401) {
    if (!message.includes('Invalid credentials')) return missingRepository(context);
    return new HubError(
      'QL_HUB_TOKEN',
      `${endpoint} refuses the token (401 ${message}). Make a new one at ${endpoint}/settings/tokens, and set HF_TOKEN or run \`hf auth login\`.`,
    );
  }
  if (response.status !== 403 || isPage) return undefined;
  if (!hasToken) return new HubError('QL_HUB_REPOSITORY', `${endpoint} does not give out ${label.shown} (403 ${message}).`);
  return new HubError(
    'QL_HUB_TOKEN',
    `The token may not read ${label.shown} (403 ${message}). Give it that permission at ${endpoint}/settings/tokens, or set HF_TOKEN to another.`,
  );
};

/** Tells why an answer that is neither a success nor a redirect was given; the meaning of its codes is the Hub's (huggingface_hub's hf_raise_for_status). */
export const explainRefusal = (response: Response, context: RefusalContext): HubError => {
  const status = `${response.status} ${shownText(response.statusText)}`.trim();
  const message = shownText(response.headers.get('x-error-message'));
  const ownReason = (): HubError | undefined =>
    context.isEndpoint ? (explainByCode(response, message, context) ?? explainByStatus(response, message, context)) : undefined;
  return (
    explainFailure(response, status, context) ??
    ownReason() ??
    new HubError(
      'QL_HUB_ANSWER',
      `${context.subject}: ${context.address} answers ${status}${message === '' ? '' : ` (${message})`}, which is not how the Hub answers. ` +
        'Check HF_ENDPOINT, and whether a proxy or firewall stands between.',
    )
  );
};
