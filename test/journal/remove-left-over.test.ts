import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ownIdentity } from '../../src/journal/process-identity.js';
import { lockOutput } from '../../src/journal/output-lock.js';
import { writeRecord } from '../../src/journal/index.js';
import { removeFormerWork, removeIfEmpty, removeLeftOver } from '../../src/journal/remove-left-over.js';

t.test('the former work directory goes, whatever is in it; without one nothing happens', async (t) => {
  const directory = t.testdir({ '.quailora-removed': { 'journal.json': '{}', parts: { factors: { a: 'x' } } }, 'notes.txt': 'mine' });
  await removeFormerWork(directory);
  await removeFormerWork(directory);
  t.same(await readdir(directory), ['notes.txt']);
});

t.test('a directory goes when it is empty', async (t) => {
  const directory = t.testdir({ empty: {}, full: { file: 'x' } });
  for (const name of ['empty', 'full', 'absent']) await removeIfEmpty(join(directory, name));
  t.same(await readdir(directory), ['full']);
  await t.rejects(removeIfEmpty(join(directory, 'full', 'file')), { code: 'ENOTDIR' });
});

t.test('the lock of a process that is no more goes with its directory, that of a living one stays', async (t) => {
  const directory = t.testdir({ '.quailora': {} });
  const work = join(directory, '.quailora');
  const lock = await lockOutput(directory, work);
  const [own] = await readdir(work);
  const identity = JSON.parse(await readFile(join(work, own!), 'utf8')) as { value: object };
  await t.rejects(removeLeftOver(directory), { code: 'QL_OUTPUT_BUSY' });
  t.same(await readdir(work), [own]);
  await lock.release();
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  await writeRecord(join(work, 'lock-00ff.json'), { ...identity.value, pid: child.pid, startTicks: '1' });
  await removeLeftOver(directory);
  t.same(await readdir(directory), []);
});

t.test('a lock of which can not be seen whether its process runs stays, and is no obstacle', async (t) => {
  const directory = t.testdir({ '.quailora': {} });
  const work = join(directory, '.quailora');
  const own = await ownIdentity();
  await writeRecord(join(work, 'lock-00ff.json'), { ...own, place: `another-host ${own.place.split(' ').slice(1).join(' ')}` });
  await removeLeftOver(directory);
  t.same(await readdir(work), ['lock-00ff.json']);
});

t.test('a work directory with anything in it stays', async (t) => {
  const directory = t.testdir({ '.quailora': {} });
  await mkdir(join(directory, '.quailora', 'parts'));
  await writeFile(join(directory, '.quailora', 'parts', 'a'), 'x');
  await removeLeftOver(directory);
  t.same(await readdir(join(directory, '.quailora')), ['parts']);
});
