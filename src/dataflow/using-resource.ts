import { defer, Observable, Subject, takeUntil } from 'rxjs';
import { closeInTurn, failAfterClosing } from '../foundation/index.js';

/** How the work on a resource ended. */
export type Ending = 'complete' | 'error' | 'unsubscribed';

/**
 * Opens a resource for each subscription, works with it, and closes it however the work ends.
 *
 * Completion and errors are passed on after the resource is closed.
 *
 * @param open may fail: nothing is closed then; what it tells is passed on at once, also later than it
 * @param close a failure in it becomes the stream's error, with the work's own in a ClosingError; lost where nobody listens any more
 */
export const usingResource = <R, T>(
  open: (tell: (value: T) => void) => Promise<R>,
  use: (resource: R) => Observable<T>,
  close: (resource: R, ending: Ending) => Promise<void>,
): Observable<T> =>
  new Observable<T>((subscriber) => {
    const stopped$ = new Subject<void>();
    let ended = false;
    const end = (resource: R, ending: Ending, failure?: unknown): void => {
      if (ended) return;
      ended = true;
      stopped$.next();
      const closing = async (): Promise<void> => close(resource, ending);
      (ending === 'error' ? failAfterClosing(failure, closing) : closeInTurn(closing)).then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      );
    };
    open((value) => subscriber.next(value)).then(
      (resource) => {
        // Registered before the work begins: a source that emits at once may be left at once.
        subscriber.add(() => end(resource, 'unsubscribed'));
        if (ended) return;
        defer(() => use(resource))
          .pipe(takeUntil(stopped$))
          .subscribe({
            next: (value) => subscriber.next(value),
            error: (error: unknown) => end(resource, 'error', error),
            complete: () => end(resource, 'complete'),
          });
      },
      (error: unknown) => subscriber.error(error),
    );
  });
