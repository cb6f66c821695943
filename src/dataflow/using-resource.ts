import { defer, Observable, Subject, takeUntil } from 'rxjs';

/** How the work on a resource ended. */
export type Ending = 'complete' | 'error' | 'unsubscribed';

/**
 * Opens a resource for each subscription, works with it, and closes it however the work ends.
 *
 * Completion and errors are passed on after the resource is closed.
 *
 * @param open may fail: nothing is closed then; what it tells is passed on at once, also later than it
 * @param close a failure in it becomes the stream's error, unless the work failed already or nobody listens any more
 */
export const usingResource = <R, T>(
  open: (tell: (value: T) => void) => Promise<R>,
  use: (resource: R) => Observable<T>,
  close: (resource: R, ending: Ending) => Promise<void>,
): Observable<T> =>
  new Observable<T>((subscriber) => {
    const stopped$ = new Subject<void>();
    let ended = false;
    const end = (resource: R, ending: Ending, then: () => void): void => {
      if (ended) return;
      ended = true;
      stopped$.next();
      const closing = async (): Promise<void> => close(resource, ending);
      closing().then(then, (failure: unknown) => {
        if (ending === 'complete') subscriber.error(failure);
        else then();
      });
    };
    open((value) => subscriber.next(value)).then(
      (resource) => {
        // Registered before the work begins: a source that emits at once may be left at once.
        subscriber.add(() => end(resource, 'unsubscribed', () => undefined));
        if (ended) return;
        defer(() => use(resource))
          .pipe(takeUntil(stopped$))
          .subscribe({
            next: (value) => subscriber.next(value),
            error: (error: unknown) => end(resource, 'error', () => subscriber.error(error)),
            complete: () => end(resource, 'complete', () => subscriber.complete()),
          });
      },
      (error: unknown) => subscriber.error(error),
    );
  });
