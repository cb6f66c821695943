import { Subject } from 'rxjs';
import t from 'tap';
import { random } from '../../src/foundation/index.js';
import { inSequence } from '../../src/dataflow/index.js';
import { marbles } from './marbles.js';

const ordered = inSequence<string>(Number);

t.test('early items wait for those before them', async (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('-1--0-----3-2---|');
    expectObservable(source.pipe(ordered)).toBe('----(01)----(23)|');
    expectSubscriptions(source.subscriptions).toBe('^---------------!');
  });
});

t.test('items that come in order pass at once', async (t) => {
  marbles(t, ({ hot, expectObservable }) => expectObservable(hot('-0-1-2-|').pipe(ordered)).toBe('-0-1-2-|'));
});

t.test('never, empty and error pass', async (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    expectObservable(cold('-').pipe(ordered)).toBe('-');
    expectObservable(cold('--|').pipe(ordered)).toBe('--|');
    expectObservable(cold('-0-2-#').pipe(ordered)).toBe('-0---#');
  });
});

t.test('an endless source is left when its reader leaves', async (t) => {
  marbles(t, ({ hot, expectObservable, expectSubscriptions }) => {
    const source = hot('-1-0-2-3-4-');
    expectObservable(source.pipe(ordered), '^----!').toBe('---(01)');
    expectSubscriptions(source.subscriptions).toBe('^----!');
  });
});

t.test('a number that comes twice, or never, is an error', async (t) => {
  const twice = new RangeError('Item 0 came twice.');
  const missing = new RangeError('Item 1 never came, but 2 after it did.');
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('-0-0-1-|');
    expectObservable(source.pipe(ordered)).toBe('-0-#', undefined, twice);
    expectSubscriptions(source.subscriptions).toBe('^--!');
    expectObservable(cold('-1-1-|').pipe(ordered)).toBe('---#', undefined, new RangeError('Item 1 came twice.'));
    expectObservable(cold('-0-2-3-|').pipe(ordered)).toBe('-0-----#', undefined, missing);
  });
});

t.test('an exception of the callback becomes the error', async (t) => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('-0-1-|');
    const throwing = inSequence<string>((item) => {
      if (item === '1') throw new TypeError('no number');
      return Number(item);
    });
    expectObservable(source.pipe(throwing)).toBe('-0-#', undefined, new TypeError('no number'));
    expectSubscriptions(source.subscriptions).toBe('^--!');
  });
});

t.test('every subscription counts from 0', async (t) => {
  marbles(t, ({ cold, expectObservable }) => {
    const twice$ = cold('1-0----|').pipe(ordered);
    expectObservable(twice$).toBe('--(01)-|');
    expectObservable(twice$, '----^').toBe('------(01)-|');
  });
});

t.test('an item that comes while others are handed on waits for its turn', async (t) => {
  const source$ = new Subject<number>();
  const seen: number[] = [];
  source$.pipe(inSequence((item) => item)).subscribe((item) => {
    seen.push(item);
    if (item === 0) source$.next(3);
  });
  for (const item of [2, 1, 0]) source$.next(item);
  t.same(seen, [0, 1, 2, 3]);
});

t.test('any order of arrival gives the same order', async (t) => {
  const stream = random(5);
  for (let trial = 0; trial < 20; trial++) {
    const items = Array.from({ length: 30 }, (_, i) => i);
    for (let i = items.length - 1; i > 0; i--) {
      const j = stream.below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    const source$ = new Subject<number>();
    const seen: number[] = [];
    source$.pipe(inSequence((item) => item)).subscribe((item) => seen.push(item));
    for (const item of items) source$.next(item);
    source$.complete();
    t.same(
      seen,
      Array.from({ length: 30 }, (_, i) => i),
    );
  }
});
