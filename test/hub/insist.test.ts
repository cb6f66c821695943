import t from 'tap';
import { HubError } from '../../src/hub/index.js';
import { DEFAULT_PATIENCE, insist } from '../../src/hub/insist.js';
import { hastyPatience } from './tiny-repository.js';

const failing = (code = 'QL_HUB_SERVER', retryAfterMs?: number): HubError =>
  new HubError(code, 'It failed.', { retryable: true, retryAfterMs });

/** Fails with the given errors, one a call, then succeeds. */
const after = (...errors: readonly Error[]): { readonly action: () => Promise<string>; readonly calls: () => number } => {
  let calls = 0;
  return {
    calls: () => calls,
    action: async () => {
      const error = errors[calls++];
      if (error !== undefined) throw error;
      return 'done';
    },
  };
};

const set = (changes: Parameters<typeof hastyPatience>[0] = {}) => {
  const { patience, waits } = hastyPatience(changes);
  return { waits, insistence: { patience: { ...DEFAULT_PATIENCE, ...patience }, isFirstContact: () => false } };
};

t.test('waits double, up to a longest, and half of each is by chance', async (t) => {
  const { waits, insistence } = set({ uniform: () => 0, firstWaitMs: 100, longestWaitMs: 500 });
  t.equal(await insist(after(...Array.from({ length: 5 }, () => failing())).action, insistence), 'done');
  t.same(waits, [50, 100, 200, 250, 250]);
  const most = set({ uniform: () => 1 - 2 ** -24, firstWaitMs: 100 });
  await insist(after(failing()).action, most.insistence);
  t.ok(most.waits[0]! > 99.9 && most.waits[0]! < 100);
});

t.test('the number of tries is bounded, and told', async (t) => {
  const { action, calls } = after(...Array.from({ length: 99 }, () => failing()));
  const { insistence, waits } = set({ tries: 4 });
  await t.rejects(insist(action, insistence), { code: 'QL_HUB_SERVER', retryable: true, message: 'It failed. (4 tries in a row.)' });
  t.equal(calls(), 4);
  t.equal(waits.length, 3);
});

t.test('a try that brought something starts the count again', async (t) => {
  let received = 0;
  let calls = 0;
  const { insistence, waits } = set({ tries: 2, uniform: () => 0, firstWaitMs: 100 });
  const action = async (): Promise<number> => {
    calls++;
    if (received === 10) return calls;
    received++;
    throw failing();
  };
  t.equal(await insist(action, { ...insistence, progress: () => received }), 11);
  t.same(new Set(waits), new Set([50]));
});

t.test('what the Hub asks for is waited for, unless it is too long', async (t) => {
  const { insistence, waits } = set({ longestRetryAfterMs: 5000 });
  await insist(after(failing('QL_HUB_RATE_LIMIT', 5000)).action, insistence);
  t.same(waits, [5000]);
  const long = after(failing('QL_HUB_RATE_LIMIT', 5001));
  await t.rejects(insist(long.action, insistence), { code: 'QL_HUB_RATE_LIMIT', retryAfterMs: 5001 });
  t.equal(long.calls(), 1);
});

t.test('errors that no retry heals pass at once', async (t) => {
  for (const error of [new HubError('QL_HUB_FILE', 'Not there.'), new TypeError('a mistake')]) {
    const { action, calls } = after(error);
    await t.rejects(insist(action, set().insistence), error);
    t.equal(calls(), 1);
  }
});

t.test('a network that never was is told sooner', async (t) => {
  const { insistence } = set({ tries: 9, firstContactTries: 2 });
  const { action, calls } = after(...Array.from({ length: 9 }, () => failing('QL_HUB_NETWORK')));
  await t.rejects(insist(action, { ...insistence, isFirstContact: () => true }), { code: 'QL_HUB_NETWORK' });
  t.equal(calls(), 2);
});

t.test('an aborted signal ends it with its reason', async (t) => {
  const reason = new Error('enough');
  const { action, calls } = after();
  await t.rejects(insist(action, { ...set().insistence, signal: AbortSignal.abort(reason) }), reason);
  t.equal(calls(), 0);
  const controller = new AbortController();
  const waiting = insist(after(failing()).action, {
    patience: { ...DEFAULT_PATIENCE, firstWaitMs: 1e6, longestWaitMs: 1e6 },
    isFirstContact: () => false,
    signal: controller.signal,
  });
  setImmediate(() => controller.abort(reason));
  await t.rejects(waiting, reason, 'also while it waits');
});
