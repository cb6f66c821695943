import t from 'tap';
import { ClosingError, closeInTurn, failAfterClosing, failuresOf, QuailoraError } from '../../src/foundation/index.js';

const full = new QuailoraError('QL_DISK_FULL', 'part can not be written.', { retryable: true });
const refused = new QuailoraError('QL_IO', 'lock can not be removed.');
const fail = (error: Error) => (): Promise<void> => Promise.reject(error);

/** What a promise is rejected with. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => t.fail('it should have been rejected'),
    (error: unknown) => error,
  );

t.test('every step is taken, whatever fails before it', async (t) => {
  const taken: number[] = [];
  const step = (number: number, error?: unknown) => async (): Promise<void> => {
    taken.push(number);
    if (error) throw error as Error;
  };
  await closeInTurn(step(1), step(2), () => undefined);
  t.equal(await rejection(closeInTurn(step(3, full), step(4))), full, 'one failure is itself');
  const both = await rejection(closeInTurn(step(5, full), step(6, refused), step(7)));
  t.same(failuresOf(both), [full, refused]);
  t.same(taken, [1, 2, 3, 4, 5, 6, 7]);
  const atOnce = (): Promise<void> => {
    throw refused;
  };
  t.equal(await rejection(closeInTurn(atOnce)), refused, 'a step that throws before its promise');
});

t.test('a failure is passed on, together with those of closing', async (t) => {
  t.equal(await rejection(failAfterClosing(full, async () => undefined)), full);
  t.equal(await rejection(failAfterClosing(undefined)), undefined, 'whatever was thrown');
  const error = await rejection(failAfterClosing(full, fail(refused)));
  t.match(error, {
    name: 'ClosingError',
    code: 'QL_DISK_FULL',
    retryable: true,
    cause: full,
    message: 'part can not be written. What was open could not be closed then: QL_IO lock can not be removed.',
  });
  t.match(await rejection(failAfterClosing(new TypeError('a defect'), fail(new Error('a word')))), {
    code: 'QL_INTERNAL',
    message: 'a defect What was open could not be closed then: a word',
  });
});

t.test('failures of failures are told one by one, and once', async (t) => {
  const inner = await rejection(failAfterClosing(full, fail(refused)));
  const third = new RangeError('third');
  const outer = await rejection(failAfterClosing(inner, fail(full), fail(third)));
  t.ok(outer instanceof ClosingError);
  t.same(failuresOf(outer), [full, refused, third]);
  t.equal(await rejection(failAfterClosing(full, fail(full))), full, 'the same failure met again is no second one');
  t.same(failuresOf(third), [third]);
});
