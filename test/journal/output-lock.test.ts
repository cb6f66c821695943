import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { writeRecord } from '../../src/journal/index.js';
import { lockOutput } from '../../src/journal/output-lock.js';
import { isRunning, ownIdentity } from '../../src/journal/process-identity.js';

t.test('one holds it, and the next gets it afterwards', async (t) => {
  const directory = t.testdir();
  const lock = await lockOutput('OUT', directory);
  await t.rejects(lockOutput('OUT', directory), {
    code: 'QL_OUTPUT_BUSY',
    message: new RegExp(`OUT is being written.*process ${process.pid}`),
  });
  t.equal((await readdir(directory)).length, 1, 'who is refused leaves nothing');
  await lock.release();
  await (await lockOutput('OUT', directory)).release();
  t.same(await readdir(directory), []);
});

t.test('the lock of a process that is no more is void, that of one elsewhere is not', { skip: process.platform !== 'linux' }, async (t) => {
  const directory = t.testdir();
  const own = await ownIdentity();
  const [host, boot, namespace] = own.place.split(' ') as [string, string, string];
  const dead = [
    { ...own, startTicks: '1' },
    { ...own, pid: 2 ** 22 + 1 },
    { ...own, place: [host, 'another-boot', namespace].join(' ') },
  ];
  for (const [i, identity] of dead.entries()) await writeRecord(join(directory, `lock-${i}.json`), identity);
  const lock = await lockOutput('OUT', directory);
  t.equal((await readdir(directory)).length, 1, 'theirs are removed');
  await lock.release();

  const far = [
    { ...own, place: ['other-host', boot, namespace].join(' ') },
    { ...own, place: [host, boot, 'pid:[1]'].join(' ') },
  ];
  for (const identity of far) {
    const path = join(directory, 'lock-a.json');
    await writeRecord(path, identity);
    await t.rejects(lockOutput('OUT', directory), {
      code: 'QL_OUTPUT_BUSY',
      message: new RegExp(`can't be seen from here.*remove ${path}`),
    });
    await rm(path);
  }
  await writeFile(join(directory, 'lock-b.json'), '{');
  await t.rejects(lockOutput('OUT', directory), { code: 'QL_OUTPUT_BUSY', message: /no readable name.*lock-b\.json/ });
});

t.test('whether a process runs', { skip: process.platform !== 'linux' }, async (t) => {
  const own = await ownIdentity();
  t.equal(await isRunning(own), 'yes');
  t.equal(await isRunning({ ...own, startTicks: null }), 'unknown', 'the number is in use, by whom nobody knows');
  t.equal(await isRunning({ ...own, pid: 2 ** 22 + 1, startTicks: null }), 'no');
});

t.test('many at once: never two', async (t) => {
  const directory = t.testdir();
  let holders = 0;
  let most = 0;
  const settled = await Promise.allSettled(
    Array.from({ length: 6 }, async () => {
      const lock = await lockOutput('OUT', directory);
      most = Math.max(most, ++holders);
      await new Promise((resolve) => setTimeout(resolve, 5));
      holders--;
      await lock.release();
    }),
  );
  t.ok(most <= 1, `${settled.filter(({ status }) => status === 'fulfilled').length} of 6 held it, one at a time`);
});
