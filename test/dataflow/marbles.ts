import { TestScheduler } from 'rxjs/testing';

/** The part of a test that compares. */
interface Comparing {
  same(found: unknown, wanted: unknown): unknown;
}

/** Runs marble assertions in virtual time. */
export const marbles = (test: Comparing, run: Parameters<TestScheduler['run']>[0]): void => {
  new TestScheduler((actual, expected) => {
    test.same(actual, expected);
  }).run(run);
};

/** A promise and the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Makes a promise that a test settles when it likes. */
export const deferred = <T>(): Deferred<T> => {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle! };
};

/** Lets every promise that can settle settle. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
