import { join } from 'node:path';
import { writeFileAtomically } from '../foundation/index.js';
import { claimOutput } from '../journal/index.js';
import type { ProgressEvent } from '../reports/index.js';
import type { ProgressSource } from './context.js';

/**
 * Passes a run's events on, and writes its result to DIR/report.json before the run counts as complete.
 *
 * The directory is claimed before the pipeline starts, so that a run does not end in vain.
 *
 * @throws OutputClaimError, JournalError, FileWriteError as `claimOutput`
 */
export const saveResult = async <Result>(
  directory: string,
  fresh: boolean,
  start: () => Promise<ProgressSource<Result>>,
): Promise<ProgressSource<Result>> => {
  const claim = await claimOutput(directory, { fingerprint: { command: 'compare' }, fresh, resumable: false });
  const save = async (result: Result): Promise<void> => {
    await writeFileAtomically(join(directory, 'report.json'), `${JSON.stringify(result, undefined, 2)}\n`);
    await claim.finish();
  };
  const source = await start().catch(async (error: unknown) => {
    await claim.abandon();
    throw error;
  });
  return {
    subscribe: (observer) => {
      const fail = (error: unknown): void => {
        claim.abandon().then(() => {
          observer.error(error);
        }, observer.error.bind(observer));
      };
      let last: Extract<ProgressEvent<Result>, { type: 'result' }> | undefined;
      return source.subscribe({
        next: (event) => {
          if (event.type === 'result') last = event;
          else observer.next(event);
        },
        error: fail,
        complete: () => {
          const event = last;
          if (!event) return fail(new Error('The pipeline ended without a result.'));
          save(event.result).then(() => {
            observer.next(event);
            observer.complete();
          }, fail);
        },
      });
    },
  };
};
