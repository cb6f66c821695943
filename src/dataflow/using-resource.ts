import { Observable } from 'rxjs';

/** How the work on a resource ended. */
export type Ending = 'complete' | 'error' | 'unsubscribed';

/**
 * Opens a resource for each subscription, works with it, and closes it however the work ends.
 *
 * Completion and errors are passed on after the resource is closed.
 *
 * @param open may fail: nothing is closed then
 * @param close a failure in it becomes the stream's error, unless the work failed already
 */
export const usingResource = <R, T>(
  open: () => Promise<R>,
  use: (resource: R) => Observable<T>,
  close: (resource: R, ending: Ending) => Promise<void>,
): Observable<T> =>
  new Observable<T>((subscriber) => {
    let ended = false;
    let stop: (() => void) | undefined;
    const end = (resource: R, ending: Ending, then: () => void): void => {
      if (ended) return;
      ended = true;
      close(resource, ending).then(then, (failure: unknown) => {
        if (ending === 'complete') subscriber.error(failure);
        else then();
      });
    };
    open().then(
      (resource) => {
        if (subscriber.closed) return end(resource, 'unsubscribed', () => undefined);
        const subscription = use(resource).subscribe({
          next: (value) => subscriber.next(value),
          error: (error: unknown) => end(resource, 'error', () => subscriber.error(error)),
          complete: () => end(resource, 'complete', () => subscriber.complete()),
        });
        stop = () => {
          subscription.unsubscribe();
          end(resource, 'unsubscribed', () => undefined);
        };
      },
      (error: unknown) => subscriber.error(error),
    );
    return () => stop?.();
  });
