import t from 'tap';
import type { HubTransfer } from '../../src/hub/index.js';
import { shareCalls } from '../../src/hub/share-calls.js';

type Action = Parameters<ReturnType<typeof shareCalls>>[1];

/** An action that ends when it is told to, or when it is stopped. */
const controlled = () => {
  const starts: Parameters<Action>[0][] = [];
  let end: (error?: Error) => void = () => undefined;
  const action: Action = (options) => {
    starts.push(options);
    return new Promise<void>((resolve, reject) => {
      end = (error) => (error === undefined ? resolve() : reject(error));
      options.signal.addEventListener('abort', () => setImmediate(() => reject(options.signal.reason as Error)));
    });
  };
  return { action, starts, end: (error?: Error) => end(error) };
};

const transfer: HubTransfer = { file: 'f', bytes: 1, totalBytes: 2 };

t.test('calls for the same key share one action and its progress', async (t) => {
  const share = shareCalls();
  const { action, starts, end } = controlled();
  const heard: string[] = [];
  const both = ['a', 'b'].map((name) => share('key', action, { onTransfer: () => heard.push(name) }));
  await Promise.resolve();
  t.equal(starts.length, 1);
  starts[0]!.onTransfer(transfer);
  t.same(heard, ['a', 'b']);
  end();
  await Promise.all(both);
  const again = share('key', action, {});
  t.equal(starts.length, 2, 'a later call is a new one');
  end();
  await again;
});

t.test('another key is another action', async (t) => {
  const share = shareCalls();
  const [one, two] = [controlled(), controlled()];
  const both = [share('one', one.action, {}), share('two', two.action, {})];
  t.same([one.starts.length, two.starts.length], [1, 1]);
  one.end();
  two.end();
  await Promise.all(both);
});

t.test('a failure is everybody’s', async (t) => {
  const share = shareCalls();
  const { action, end } = controlled();
  const both = [share('key', action, {}), share('key', action, {})];
  const failure = new Error('no');
  end(failure);
  for (const call of both) await t.rejects(call, failure);
});

t.test('who leaves does not stop the others; the last one does', async (t) => {
  const share = shareCalls();
  const { action, starts } = controlled();
  const [first, second] = [new AbortController(), new AbortController()];
  const heard: string[] = [];
  const one = share('key', action, { signal: first.signal, onTransfer: () => heard.push('one') });
  const two = share('key', action, { signal: second.signal, onTransfer: () => heard.push('two') });
  const reason = new Error('first');
  first.abort(reason);
  await t.rejects(one, reason);
  t.equal(starts[0]!.signal.aborted, false);
  starts[0]!.onTransfer(transfer);
  t.same(heard, ['two']);
  const last = new Error('second');
  second.abort(last);
  t.equal(starts[0]!.signal.aborted, true);
  const third = share('key', action, {});
  t.equal(starts.length, 1, 'a new call waits until the old one rests');
  await t.rejects(two, last);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(starts.length, 2);
  t.equal(starts[1]!.signal.aborted, false);
  void third.catch(() => undefined);
});

t.test('a signal that is aborted already starts nothing', async (t) => {
  const { action, starts } = controlled();
  const reason = new Error('enough');
  await t.rejects(shareCalls()('key', action, { signal: AbortSignal.abort(reason) }), reason);
  t.equal(starts.length, 0);
});
