import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { openPartialFile } from '../../src/hub/partial-file.js';
import { digest } from './stored-repository.js';
import { bytesOf } from './tiny-repository.js';

const CONTENT = bytesOf(3000, 5);
const SHA256 = digest('sha256', CONTENT);
const HOST = hostname()
  .replace(/[^\w-]/gu, '')
  .slice(0, 32);
/** No system gives out so high a process number. */
const DEAD = 2 ** 30;

/** Path of the blob in an empty folder, with files beside it. */
const blobIn = async (t: Test, beside: Readonly<Record<string, Uint8Array>> = {}, name = SHA256): Promise<string> => {
  const blob = join(t.testdir({}), 'blobs', name);
  await mkdir(dirname(blob), { recursive: true });
  for (const [suffix, content] of Object.entries(beside)) await writeFile(blob + suffix, content);
  return blob;
};

const names = async (blob: string): Promise<string[]> => (await readdir(dirname(blob))).sort();

t.test('a blob appears under its name only when it is published', async (t) => {
  for (const name of [SHA256, digest('sha1', `blob ${CONTENT.length}\0`, CONTENT)]) {
    const blob = join(t.testdir({}), 'blobs', name);
    const partial = await openPartialFile(blob, CONTENT.length);
    await partial.append(CONTENT.subarray(0, 1000));
    t.equal(partial.isVerified(), false);
    await partial.append(CONTENT.subarray(1000));
    t.equal(partial.bytes(), 3000);
    t.equal(partial.isVerified(), true);
    t.notOk((await names(blob)).includes(name));
    await partial.publish();
    t.same(await names(blob), [name]);
    t.same(await readFile(blob), CONTENT);
  }
});

t.test('other bytes are not verified, and thrown away on demand', async (t) => {
  const blob = await blobIn(t);
  const partial = await openPartialFile(blob, CONTENT.length);
  await partial.append(CONTENT.map((byte) => byte ^ 1));
  t.equal(partial.isVerified(), false);
  await partial.restart();
  t.equal(partial.bytes(), 0);
  await partial.append(CONTENT);
  t.equal(partial.isVerified(), true);
  await partial.publish();
  t.same(await readFile(blob), CONTENT);
});

t.test('what is released is resumed', async (t) => {
  const blob = await blobIn(t);
  const first = await openPartialFile(blob, CONTENT.length);
  await first.append(CONTENT.subarray(0, 2000));
  await first.release();
  t.same(await names(blob), [`${SHA256}.incomplete`], "under huggingface_hub's name");
  const second = await openPartialFile(blob, CONTENT.length);
  t.equal(second.bytes(), 2000);
  await second.append(CONTENT.subarray(2000));
  t.equal(second.isVerified(), true, 'the checksum holds the first part');
  await second.publish();
  t.same(await names(blob), [SHA256]);
});

t.test('nothing received leaves nothing', async (t) => {
  const blob = await blobIn(t);
  await (await openPartialFile(blob, CONTENT.length)).release();
  t.same(await names(blob), []);
});

t.test('two writers have files of their own; the longer one is kept for resuming', async (t) => {
  const blob = await blobIn(t);
  const first = await openPartialFile(blob, CONTENT.length);
  const second = await openPartialFile(blob, CONTENT.length);
  await first.append(CONTENT.subarray(0, 100));
  await second.append(CONTENT.subarray(0, 50));
  t.equal((await names(blob)).length, 2);
  await first.release();
  await second.release();
  t.same(await names(blob), [`${SHA256}.incomplete`]);
  t.same(await readFile(`${blob}.incomplete`), CONTENT.subarray(0, 100));
});

t.test('a killed writer leaves its file to the next one; a live one keeps it', async (t) => {
  const part = CONTENT.subarray(0, 700);
  const cases: readonly [suffix: string, idleDays: number, taken: boolean][] = [
    [`.${HOST}_${DEAD}_0123abcd.incomplete`, 0, true],
    [`.${HOST}_${process.ppid}_0123abcd.incomplete`, 0, false],
    [`.${HOST}_${process.pid}_0123abcd.incomplete`, 0, false],
    [`.${HOST}_${process.pid}_0123abcd.incomplete`, 2, true],
    [`.elsewhere_${DEAD}_0123abcd.incomplete`, 0.5, false],
    [`.elsewhere_${DEAD}_0123abcd.incomplete`, 2, true],
    ['.0123abcd.incomplete', 2, false],
    ['.incomplete', 0, true],
  ];
  for (const [suffix, idleDays, taken] of cases) {
    const blob = await blobIn(t, { [suffix]: part });
    const modified = new Date(Date.now() - idleDays * 86_400_000);
    await utimes(blob + suffix, modified, modified);
    const partial = await openPartialFile(blob, CONTENT.length);
    t.equal(partial.bytes(), taken ? 700 : 0, `${suffix}, ${idleDays} days`);
    t.equal((await names(blob)).includes(basename(blob) + suffix), !taken);
    await partial.release();
  }
});

t.test('of several the longest is taken', async (t) => {
  const blob = await blobIn(t, {
    '.incomplete': CONTENT.subarray(0, 10),
    [`.${HOST}_${DEAD}_0123abcd.incomplete`]: CONTENT.subarray(0, 20),
  });
  const partial = await openPartialFile(blob, CONTENT.length);
  t.equal(partial.bytes(), 20);
  await partial.append(CONTENT.subarray(20));
  t.ok(partial.isVerified());
  await partial.publish();
  t.same(await names(blob), [SHA256], 'and the others are removed with it');
});

t.test('a partial file that is longer than the whole is begun again', async (t) => {
  const blob = await blobIn(t, { '.incomplete': bytesOf(3001, 6) });
  const partial = await openPartialFile(blob, CONTENT.length);
  t.equal(partial.bytes(), 0);
  await partial.append(CONTENT);
  await partial.publish();
  t.same(await readFile(blob), CONTENT);
});

t.test('a disk that is too small is told before anything is fetched', async (t) => {
  const blob = await blobIn(t, { '.incomplete': CONTENT });
  const error = {
    name: 'FileWriteError',
    code: 'QL_DISK_FULL',
    retryable: true,
    message: /needs 9007199254737991 more bytes, but only \d+ are free/,
  };
  await t.rejects(openPartialFile(blob, Number.MAX_SAFE_INTEGER), error);
  t.same(await names(blob), [`${SHA256}.incomplete`], 'what was there is kept');
});

t.test('a disk that fills up', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async (t) => {
  const blob = await blobIn(t);
  await symlink('/dev/full', `${blob}.incomplete`);
  const partial = await openPartialFile(blob, CONTENT.length);
  await t.rejects(partial.append(CONTENT), {
    code: 'QL_DISK_FULL',
    retryable: true,
    message: /needs 3000 more bytes/,
    cause: { code: 'ENOSPC' },
  });
  await partial.release();
});

t.test('a cache that is no directory', async (t) => {
  const root = t.testdir({ blobs: 'a file' });
  await t.rejects(openPartialFile(join(root, 'blobs', SHA256), 10), { name: 'FileWriteError', message: /blobs/ });
});

t.test('an aborted signal ends reading what is there', async (t) => {
  const blob = await blobIn(t, { '.incomplete': CONTENT.subarray(0, 10) });
  const reason = new Error('enough');
  await t.rejects(openPartialFile(blob, CONTENT.length, AbortSignal.abort(reason)), reason);
});
