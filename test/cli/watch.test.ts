import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { watch } from '../../src/cli/watch.js';
import { ClosingError, FileWriteError, QuailoraError } from '../../src/foundation/index.js';
import { fakeContext, sourceOf } from './fake-context.js';

const script = fileURLToPath(new URL('./interruptible-cli.js', import.meta.url));

/** Starts an init that does not end by itself, and waits until it has begun. */
const start = async (
  output: string,
  ...more: string[]
): Promise<{ child: ChildProcessWithoutNullStreams; err: () => string; out: () => string }> => {
  const child = spawn(process.execPath, [script, 'init', 'M', '--calibration', 'c', '--output', output, ...more]);
  let err = '';
  let out = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await once(child.stdout, 'data');
  return { child, err: () => err, out: () => out };
};

t.test('the first Ctrl-C stops cleanly and says what is on disk', async (t) => {
  const output = join(t.testdir(), 'out');
  const { child, err, out } = await start(output, '--json');
  child.kill('SIGINT');
  t.same(await once(child, 'close'), [130, null]);
  t.match(err(), /Stopping[^]*QL_INTERRUPTED Interrupted\. .*out keeps what is done: the same command goes on from there/);
  t.match(JSON.parse(out().trimEnd().split('\n').at(-1)!), { type: 'error', code: 'QL_INTERRUPTED' });
});

t.test('the second Ctrl-C kills at once', async (t) => {
  const { child } = await start(join(t.testdir(), 'out'), '--seed', '1');
  child.kill('SIGINT');
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  t.same(await once(child, 'close'), [null, 'SIGINT']);
});

/** What is told of a run that Ctrl-C stops and that fails with `failureOf` its signal. */
const interrupted = async (
  failureOf: (signal: AbortSignal) => Error,
  onDisk?: () => Promise<string>,
): Promise<{ readonly code: number; readonly err: string[]; readonly json: unknown }> => {
  const { context, printed } = fakeContext();
  const code = await watch<never>(context, {
    json: true,
    start: async (signal) => {
      process.emit('SIGINT');
      return sourceOf([], failureOf(signal));
    },
    summarize: () => t.fail('there is no result') as never,
    ...(onDisk && { onDisk }),
  });
  const { err, out } = printed();
  return { code, err: err.trim().split('\n').slice(1), json: JSON.parse(out) as unknown };
};

const full = new FileWriteError('QL_DISK_FULL', 'out/part can not be written.');
const stopped = new QuailoraError('QL_STOPPED', 'The workers were stopped before this task was done.');

t.test('an abort alone is told as an interruption, whatever it was wrapped in', async (t) => {
  for (const failureOf of [
    (signal: AbortSignal) => signal.reason as Error,
    () => stopped,
    () => Object.assign(new Error('The operation was aborted'), { name: 'AbortError' }),
    (signal: AbortSignal) => new QuailoraError('QL_SHARD_READ', 'can not be read', { cause: signal.reason }),
    (signal: AbortSignal) => new ClosingError([signal.reason, stopped]),
  ]) {
    const { code, err, json } = await interrupted(failureOf);
    t.equal(code, 130);
    t.same(err, ['QL_INTERRUPTED Interrupted. Nothing was written.']);
    t.same(json, { type: 'error', code: 'QL_INTERRUPTED', message: 'Interrupted. Nothing was written.' });
  }
});

t.test('what fails besides an interruption is told too', async (t) => {
  for (const failureOf of [() => full, (signal: AbortSignal) => new ClosingError([signal.reason, full])]) {
    const { code, err, json } = await interrupted(failureOf, async () => 'OUT keeps what is done.');
    t.equal(code, 130);
    t.same(err, ['QL_INTERRUPTED Interrupted. OUT keeps what is done.', 'QL_DISK_FULL out/part can not be written.']);
    t.match(json, { code: 'QL_INTERRUPTED', also: [{ code: 'QL_DISK_FULL', message: 'out/part can not be written.' }] });
  }
});

t.test('an output that can not be looked at after an interruption is told', async (t) => {
  const { err } = await interrupted(
    (signal) => signal.reason as Error,
    () => Promise.reject(new QuailoraError('QL_IO', 'OUT can not be read.')),
  );
  t.same(err, ['QL_INTERRUPTED Interrupted. What is on the disk can not be told.', 'QL_IO OUT can not be read.']);
});

t.test('failures of one code that say different things are each told', async (t) => {
  const { context, printed } = fakeContext();
  const failures = ['one', 'two', 'one'].map((name) => new QuailoraError('QL_IO', `${name} can not be read.`));
  await watch<never>(context, {
    json: true,
    start: async () => sourceOf([], new ClosingError(failures)),
    summarize: () => t.fail('there is no result') as never,
  });
  t.equal(printed().err, 'QL_IO one can not be read.\nQL_IO two can not be read.\n');
});

t.test('a failure and what could not be closed after it are both told, a full disk once', async (t) => {
  const { context, printed } = fakeContext();
  const again = new FileWriteError('QL_DISK_FULL', 'out/other can not be written.');
  const error = new ClosingError([full, again, new QuailoraError('QL_IO', 'lock can not be removed.')]);
  const code = await watch<never>(context, {
    json: true,
    start: async () => sourceOf([], error),
    summarize: () => t.fail('there is no result') as never,
  });
  t.equal(code, 1);
  t.equal(printed().err, 'QL_DISK_FULL out/part can not be written.\nQL_IO lock can not be removed.\n');
  t.match(JSON.parse(printed().out), { code: 'QL_DISK_FULL', also: [{ code: 'QL_IO' }] });
});
