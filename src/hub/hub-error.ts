import { QuailoraError, type QuailoraErrorOptions } from '../foundation/index.js';

/** Options of a HubError. */
export interface HubErrorOptions extends QuailoraErrorOptions {
  /** Wait that the Hub asked for (Retry-After), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * Thrown when the Hub or its cache can't give what was asked for.
 *
 * | code | what happened | retryable |
 * |---|---|---|
 * | `QL_HUB_SETTING` | a variable, a repository name or a revision that can't be meant | no |
 * | `QL_HUB_REPOSITORY` | no such repository, or a private one | no |
 * | `QL_HUB_GATED` | the repository's terms were not accepted by this account | no |
 * | `QL_HUB_TOKEN` | the token is refused | no |
 * | `QL_HUB_REVISION` | no such branch, tag or commit | no |
 * | `QL_HUB_FILE` | no such file at this commit | no |
 * | `QL_HUB_RANGE` | bytes outside the file were asked for | no |
 * | `QL_HUB_OFFLINE` | not in the cache, and offline | no |
 * | `QL_HUB_NETWORK` | no connection, or it keeps breaking | yes |
 * | `QL_HUB_SERVER` | the endpoint keeps failing (5xx) | yes |
 * | `QL_HUB_RATE_LIMIT` | too many requests (429), for longer than is waited | yes |
 * | `QL_HUB_ANSWER` | an answer that is not the Hub's | no |
 * | `QL_HUB_LENGTH` | more or fewer bytes than announced, again and again | yes |
 * | `QL_HUB_CHECKSUM` | other bytes than announced, again and again | yes |
 *
 * A full disk or a cache that can't be written throws the foundation's FileWriteError instead.
 */
export class HubError extends QuailoraError {
  /** Wait that the Hub asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, options: HubErrorOptions = {}) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}
