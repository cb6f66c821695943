import { firstValueFrom, interval, lastValueFrom, NEVER, range, take, tap, toArray } from 'rxjs';
import t from 'tap';
import { inFlight } from '../../src/dataflow/index.js';
import { deferred, marbles, turn, type Deferred } from './marbles.js';

t.test('never, empty and error pass', async (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const work = inFlight(2, async (item: string) => item);
    expectObservable(cold('-').pipe(work)).toBe('-');
    expectObservable(cold('--|').pipe(work)).toBe('--|');
    const failing = cold('--#');
    expectObservable(failing.pipe(work)).toBe('--#');
    expectSubscriptions(failing.subscriptions).toBe('^-!');
  });
});

t.test('at most `count` payloads are alive, whatever order they finish in', async (t) => {
  for (const count of [1, 2, 3, 7]) {
    const open = new Map<number, Deferred<number>>();
    let most = 0;
    const work = inFlight(count, (item: number) => {
      const payload = deferred<number>();
      open.set(item, payload);
      most = Math.max(most, open.size);
      return payload.promise.finally(() => open.delete(item));
    });
    const results = lastValueFrom(range(0, 20).pipe(work, toArray()));
    for (let done = 0; done < 20; done++) {
      t.equal(open.size, Math.min(count, 20 - done), 'the window is kept full');
      const [item, payload] = [...open].at(done % 2 === 0 ? -1 : 0)!;
      payload.resolve(item);
      await turn();
    }
    t.same(
      (await results).sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i),
    );
    t.equal(most, count);
  }
});

t.test('a failure ends the source and starts nothing more', async (t) => {
  const started: number[] = [];
  const work = inFlight(2, async (item: number) => {
    started.push(item);
    if (item === 1) throw new RangeError('second');
    return item;
  });
  await t.rejects(lastValueFrom(range(0, 10).pipe(work)), new RangeError('second'));
  const before = started.length;
  await turn();
  t.equal(started.length, before);
  t.ok(before <= 4, `${before} started`);
});

t.test('an exception thrown before the promise becomes the error', async (t) => {
  const work = inFlight(2, (item: number): Promise<number> => {
    throw new TypeError(`item ${item}`);
  });
  await t.rejects(lastValueFrom(range(0, 3).pipe(work)), new TypeError('item 0'));
});

t.test('leaving early starts nothing more, even from an endless source', async (t) => {
  let ended = 0;
  const started: number[] = [];
  const endless$ = interval(0).pipe(tap({ unsubscribe: () => ended++ }));
  const work = inFlight(2, async (item: number) => {
    started.push(item);
    return item;
  });
  t.same(await lastValueFrom(endless$.pipe(work, take(3), toArray())), [0, 1, 2]);
  t.equal(ended, 1);
  const before = started.length;
  await turn();
  t.equal(started.length, before);
  const hanging = firstValueFrom(range(0, 5).pipe(inFlight(2, () => new Promise<number>(() => undefined))), { defaultValue: -1 });
  t.equal(await Promise.race([hanging, turn().then(() => 'still waiting')]), 'still waiting');
  NEVER.pipe(work).subscribe().unsubscribe();
});
