import { HubError } from './hub-error.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name is not known. Check the network connection and HF_ENDPOINT',
  EAI_AGAIN: 'the name server does not answer. Check the network connection',
  ECONNREFUSED: 'the connection is refused. Check HF_ENDPOINT, and whether the server runs',
  ENETUNREACH: 'the network is unreachable. Check the network connection',
  EHOSTUNREACH: 'the host is unreachable. Check the network connection',
  UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time. Check the network connection, and whether a firewall stands between',
};

/** Node hides the system's error below a "fetch failed", and several addresses' errors below an AggregateError. */
const findSystemCode = (error: unknown): string | undefined => {
  for (let cause = error; cause instanceof Error; cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
};

const innermostMessage = (error: unknown): string => {
  let message = String(error);
  for (let cause = error; cause instanceof Error; cause = cause.cause) message = cause.message === '' ? message : cause.message;
  return message;
};

/** Turns what fetch or a body threw into a typed error: certificates need the user, everything else may heal. */
export const explainNetworkFailure = (shown: string, address: string, cause: unknown): HubError => {
  const code = findSystemCode(cause) ?? '';
  const message = innermostMessage(cause);
  const detail = code === '' || message.includes(code) ? message : `${code}: ${message}`;
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/u.test(code)) {
    return new HubError(
      'QL_HUB_NETWORK',
      `${shown}: the certificate of ${address} is not trusted (${detail}). If a proxy re-signs connections, give its certificate in NODE_EXTRA_CA_CERTS.`,
      { cause },
    );
  }
  const reason = REASONS[code] ?? 'the connection broke. Check the network connection, and run again';
  return new HubError(
    'QL_HUB_NETWORK',
    `${shown}: ${address} can't be read (${detail}): ${reason}; with HF_HUB_OFFLINE=1 only what the cache holds is used.`,
    { retryable: true, cause },
  );
};
