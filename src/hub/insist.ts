import { setTimeout as sleep } from 'node:timers/promises';
import type { HubPatience } from './contract.js';
import { HubError } from './hub-error.js';

/** What holds unless another patience is given; HubPatience says why. */
export const DEFAULT_PATIENCE: HubPatience = {
  tries: 8,
  firstContactTries: 3,
  firstWaitMs: 500,
  longestWaitMs: 30_000,
  longestRetryAfterMs: 310_000,
  silenceMs: 30_000,
  wait: async (ms, signal) => {
    try {
      await sleep(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
  uniform: Math.random,
};

/** What one try knows about the whole. */
export interface Insistence {
  readonly patience: HubPatience;
  /** True while the endpoint has not answered anything yet: then a missing network is told soon. */
  readonly isFirstContact: () => boolean;
  /** Grows whenever something new arrived; a try that made it grow does not count as a failed one. */
  readonly progress?: () => number;
  readonly signal?: AbortSignal | undefined;
}

const withTries = (error: HubError, tries: number): HubError =>
  new HubError(error.code, `${error.message} (${tries} ${tries === 1 ? 'try' : 'tries in a row'}.)`, {
    retryable: error.retryable,
    retryAfterMs: error.retryAfterMs,
    cause: error,
  });

/**
 * Runs an action again while it fails with a retryable HubError, with exponential, jittered waits or those that the Hub asks for.
 *
 * @throws the action's last error once `tries` in a row brought nothing, at once if it is not retryable or asks for a longer
 * wait than `longestRetryAfterMs`; the signal's reason when it is aborted
 */
export const insist = async <T>(
  action: () => Promise<T>,
  { patience, isFirstContact, progress = () => 0, signal }: Insistence,
): Promise<T> => {
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted();
    const before = progress();
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof HubError) || !error.retryable) throw error;
      if (progress() > before) failures = 1;
      const tries =
        error.code === 'QL_HUB_NETWORK' && isFirstContact() ? Math.min(patience.tries, patience.firstContactTries) : patience.tries;
      if (failures >= tries) throw withTries(error, failures);
      if ((error.retryAfterMs ?? 0) > patience.longestRetryAfterMs) throw error;
      const backoff = Math.min(patience.longestWaitMs, patience.firstWaitMs * 2 ** (failures - 1));
      await patience.wait(error.retryAfterMs ?? backoff * (0.5 + patience.uniform() / 2), signal);
    }
  }
};
