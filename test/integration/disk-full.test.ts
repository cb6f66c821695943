import { rm } from 'node:fs/promises';
import t from 'tap';
import { differences, readOutput, runUndisturbed, runUntil } from './killed-runs.js';
import { makeTinyWorkplace } from './tiny-model.js';

// `make bench-disk` fills a real file system at points that are drawn.
t.test('a disk that fills up anywhere ends the run with what to do, and with room it ends as if nothing had been', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const line = ['init', place.model, '--calibration', place.text, '--tokens', '640', '--window', '32', '--held-out', '0.25'];
  const args = [...line, '--rank', '4', '--write-base', '--workers', '1', '--base-name', 'tiny', '--checkpoint-seconds', '0'];
  const { files, calls } = await runUndisturbed(args, place.output('undisturbed'));
  const last = calls['write']!;
  for (const [what, call] of [
    ['the lock', 'main:write:full:1'],
    ['the journal', 'main:write:full:2'],
    ['a hidden state, in a worker', 'worker:writev:full:3'],
    ['a part or a checkpoint', `main:write:full:${last >> 1}`],
    ['the adapter', `main:write:full:${last - 3}`],
    ['the report', `main:write:full:${last}`],
  ] as const) {
    const output = ['--output', place.output('full')];
    const { status, stderr } = await runUntil([...args, ...output], { call });
    t.equal(status, 1, what);
    t.match(stderr, /^QL_DISK_FULL [^\n]*No space is left on the disk\. Free some, or choose another/, what);
    t.notMatch(stderr, /QL_INTERNAL|QL_IO/, what);
    const again = await runUntil([...args, ...output]);
    t.equal(again.status, 0, `${what}: ${again.stderr}`);
    t.same(differences(files, await readOutput(place.output('full'))), [], what);
    await rm(place.output('full'), { recursive: true });
  }
});
