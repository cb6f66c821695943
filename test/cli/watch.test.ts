import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

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
