import type { HubAnswer, HubClient } from './hub-client.js';
import { HubError } from './hub-error.js';
import { insist } from './insist.js';
import type { ListedFile } from './list-repository.js';

/** Which bytes of which file, and what becomes of them. */
export interface Reception {
  readonly file: ListedFile;
  readonly commit: string;
  /** First byte that is still wanted: it moves as bytes are taken. */
  readonly position: () => number;
  /** End of the wanted bytes, exclusive. */
  readonly end: number;
  /** Takes the next bytes. */
  readonly take: (bytes: Uint8Array) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

const wrongLength = (client: HubClient, { file }: Reception, found: string): HubError =>
  new HubError(
    'QL_HUB_LENGTH',
    `${client.label.shown}: ${file.path} should have ${file.bytes} bytes, but ${found}. Run again; if it stays so, the repository or a proxy is at fault.`,
    {
      retryable: true,
    },
  );

/** Where the body of an answer begins in the file. */
const findStart = (client: HubClient, reception: Reception, answer: HubAnswer): number => {
  const { file } = reception;
  if (answer.status === 206) {
    const match = /^bytes (\d+)-\d+\/(\d+|\*)$/u.exec(answer.headers.get('content-range') ?? '');
    if (match !== null && match[2] !== '*' && Number(match[2]) !== file.bytes)
      throw wrongLength(client, reception, `${answer.address} has ${match[2]}`);
    if (Number(match?.[1]) === reception.position()) return reception.position();
    throw wrongLength(
      client,
      reception,
      `${answer.address} sent another part (${answer.headers.get('content-range') ?? 'no Content-Range'}) than the one from ${reception.position()} on`,
    );
  }
  // A server that takes no ranges sends the whole file; a packed one says another length.
  const length = answer.headers.get('content-encoding') === null ? answer.headers.get('content-length') : null;
  if (length !== null && Number(length) !== file.bytes) throw wrongLength(client, reception, `${answer.address} has ${length}`);
  return 0;
};

const checkAnswer = (client: HubClient, { file }: Reception, { headers, isHubs, linkedEtag, address }: HubAnswer): void => {
  if (!isHubs && headers.get('content-type')?.includes('text/html') === true) {
    throw new HubError(
      'QL_HUB_ANSWER',
      `${client.label.shown}: ${address} answers with a web page instead of ${file.path}. Check HF_ENDPOINT, and whether a proxy or a login page stands between.`,
    );
  }
  // The bytes that are there belong to this checksum: others must not be put behind them.
  if (linkedEtag?.length === file.blob.length && linkedEtag !== file.blob) {
    throw new HubError(
      'QL_HUB_CHECKSUM',
      `${client.label.shown}: the Hub has ${file.path} as ${linkedEtag}, but lists it as ${file.blob}. Run again.`,
      {
        retryable: true,
      },
    );
  }
};

const takeBody = async (client: HubClient, reception: Reception, answer: HubAnswer, start: number): Promise<void> => {
  const { file, position, end, take } = reception;
  let at = start;
  for await (const chunk of answer.chunks()) {
    const wanted = chunk.subarray(Math.max(0, position() - at), Math.max(0, end - at));
    at += chunk.byteLength;
    if (wanted.byteLength > 0) await take(wanted);
    // Read to its end, a whole answer leaves its connection to the next request.
    if (position() === end && (end < file.bytes || at > file.bytes)) return;
  }
  if (position() < end) {
    const message = `${client.label.shown}: ${answer.address} ended at byte ${at} of ${file.path}, which has ${file.bytes}. Run again: what came is kept.`;
    throw new HubError('QL_HUB_NETWORK', message, { retryable: true });
  }
};

/**
 * Receives bytes of a file over HTTP, in as many requests as it takes: each asks for what is still missing.
 *
 * Parts are put together without If-Range, because the storage hosts' ETags are not the Hub's and change with the host. Instead
 * the address holds the commit, the Hub's X-Linked-ETag must be the file's checksum, every answer's length must be the
 * file's, and the caller verifies whole files. A server that ignores Range costs traffic, not correctness.
 *
 * @throws HubError; see its table
 */
export const receiveBytes = (client: HubClient, reception: Reception): Promise<void> => {
  const { file, commit, position, end, signal } = reception;
  const address = `${client.endpoint}/${client.label.page}/resolve/${commit}/${encodePath(file.path)}`;
  const receive = async (): Promise<void> => {
    if (position() >= end) return;
    const isWhole = position() === 0 && end === file.bytes;
    const headers: Record<string, string> = isWhole ? {} : { range: `bytes=${position()}-${end - 1}` };
    await client.get({ address, headers, file: file.path, signal }, async (answer) => {
      checkAnswer(client, reception, answer);
      await takeBody(client, reception, answer, findStart(client, reception, answer));
    });
  };
  return insist(receive, { patience: client.patience, isFirstContact: client.isFirstContact, progress: position, signal });
};
