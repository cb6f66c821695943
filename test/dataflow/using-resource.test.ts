import { concat, EMPTY, firstValueFrom, lastValueFrom, NEVER, Observable, of, take, tap, throwError, toArray } from 'rxjs';
import t from 'tap';
import { usingResource, type Ending } from '../../src/dataflow/index.js';
import { deferred, turn } from './marbles.js';

/** A resource that notes what happens to it. */
const watched = (): {
  readonly log: string[];
  readonly open: () => Promise<string>;
  readonly close: (r: string, e: Ending) => Promise<void>;
} => {
  const log: string[] = [];
  return {
    log,
    open: async () => {
      log.push('open');
      return 'resource';
    },
    close: async (resource, ending) => {
      log.push(`close ${resource} ${ending}`);
    },
  };
};

t.test('values pass, and completion comes after the resource is closed', async (t) => {
  const { log, open, close } = watched();
  const values$ = usingResource(open, (resource) => of(`${resource} 1`, `${resource} 2`), close);
  t.same(log, [], 'nothing is opened before somebody subscribes');
  t.same(await lastValueFrom(values$.pipe(toArray())), ['resource 1', 'resource 2']);
  t.same(log, ['open', 'close resource complete']);
  await lastValueFrom(values$);
  t.equal(log.length, 4, 'every subscription opens its own');
});

t.test('an empty source closes too', async (t) => {
  const { log, open, close } = watched();
  t.equal(
    await lastValueFrom(
      usingResource(open, () => EMPTY, close),
      { defaultValue: 'none' },
    ),
    'none',
  );
  t.same(log, ['open', 'close resource complete']);
});

t.test('an error is passed on after the resource is closed', async (t) => {
  const { log, open, close } = watched();
  const failure = new RangeError('work');
  await t.rejects(
    lastValueFrom(
      usingResource(
        open,
        () =>
          concat(
            of(1),
            throwError(() => failure),
          ),
        close,
      ),
    ),
    failure,
  );
  t.same(log, ['open', 'close resource error']);
});

t.test('an exception of the callback closes the resource and becomes the error', async (t) => {
  const { log, open, close } = watched();
  const use = (): Observable<never> => {
    throw new TypeError('use');
  };
  await t.rejects(lastValueFrom(usingResource(open, use, close)), new TypeError('use'));
  t.same(log, ['open', 'close resource error']);
});

t.test('what can not be opened is not closed', async (t) => {
  const { log, close } = watched();
  const failure = new RangeError('open');
  await t.rejects(
    lastValueFrom(
      usingResource(
        () => Promise.reject(failure),
        () => of(1),
        close,
      ),
    ),
    failure,
  );
  const open = (): Promise<string> => {
    throw failure;
  };
  await t.rejects(lastValueFrom(usingResource(open, () => of(1), close)), failure);
  t.same(log, []);
});

t.test('what opening tells is passed on at once, also when it is told later', async (t) => {
  const seen: string[] = [];
  let later = (_: string): void => undefined;
  const told$ = usingResource<string, string>(
    async (tell) => {
      tell('opening');
      later = tell;
      return 'resource';
    },
    () => of('work').pipe(tap(() => later('meanwhile'))),
    async () => undefined,
  );
  await lastValueFrom(told$.pipe(tap((value) => seen.push(value))));
  later('after the end');
  t.same(seen, ['opening', 'meanwhile', 'work']);
});

t.test('a failure to close is an error of finished work, and never hides an earlier one', async (t) => {
  const { open } = watched();
  const close = (): Promise<void> => Promise.reject(new RangeError('close'));
  await t.rejects(lastValueFrom(usingResource(open, () => of(1), close)), new RangeError('close'));
  const work = new TypeError('work');
  const both = lastValueFrom(usingResource(open, () => throwError(() => work), close));
  await t.rejects(both, { name: 'ClosingError', failures: [work, new RangeError('close')], cause: work });
  const thrown = (): Promise<void> => {
    throw new RangeError('at once');
  };
  await t.rejects(lastValueFrom(usingResource(open, () => of(1), thrown)), new RangeError('at once'));
});

t.test('leaving closes the resource and stops the work', async (t) => {
  for (const source$ of [NEVER, concat(of(1), NEVER)]) {
    const { log, open, close } = watched();
    let stopped = 0;
    const work$ = new Observable<number>((subscriber) => {
      const inner = source$.subscribe(subscriber);
      return () => {
        stopped++;
        inner.unsubscribe();
      };
    });
    const subscription = usingResource(open, () => work$, close).subscribe();
    await turn();
    subscription.unsubscribe();
    await turn();
    t.same(log, ['open', 'close resource unsubscribed']);
    t.equal(stopped, 1);
  }
});

t.test('leaving at the first value of a source that emits at once closes the resource', async (t) => {
  const { log, open, close } = watched();
  const endless$ = new Observable<number>((subscriber) => {
    for (let i = 0; !subscriber.closed; i++) subscriber.next(i);
  });
  t.equal(await firstValueFrom(usingResource(open, () => endless$, close)), 0);
  await turn();
  t.same(log, ['open', 'close resource unsubscribed']);
  const hanging = watched();
  t.same(await lastValueFrom(usingResource(hanging.open, () => concat(of(1, 2), NEVER), hanging.close).pipe(take(2), toArray())), [1, 2]);
  await turn();
  t.same(hanging.log, ['open', 'close resource unsubscribed']);
});

t.test('leaving before the resource is open closes it when it is', async (t) => {
  const { log, close } = watched();
  const opening = deferred<string>();
  let used = 0;
  const use = (): Observable<number> => {
    used++;
    return of(1);
  };
  usingResource(() => opening.promise, use, close)
    .subscribe()
    .unsubscribe();
  await turn();
  t.same(log, []);
  opening.resolve('late');
  await turn();
  t.same(log, ['close late unsubscribed']);
  t.equal(used, 0);
});
