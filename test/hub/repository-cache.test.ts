import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { fileBytes, openRepositoryCache, type RepositoryCache } from '../../src/hub/repository-cache.js';
import { labelRepository } from '../../src/hub/repository-label.js';

const ONE = '1'.repeat(40);
const TWO = '2'.repeat(40);
const BLOB = 'b'.repeat(64);

const open = (t: Test, makeLink?: typeof symlink): RepositoryCache =>
  openRepositoryCache(t.testdir({}), labelRepository({ kind: 'dataset', name: 'org/data', revision: 'refs/pr/1' }), makeLink);

const writeBlob = async (cache: RepositoryCache, name = BLOB, content = 'content'): Promise<void> => {
  await mkdir(dirname(cache.blob(name)), { recursive: true });
  await writeFile(cache.blob(name), content);
};

/** What a file system without links says. */
const noLinks: typeof symlink = async () => {
  throw Object.assign(new Error('EPERM: operation not permitted, symlink'), { code: 'EPERM' });
};

t.test("the layout is huggingface_hub's", async (t) => {
  const root = t.testdir({});
  const of = (kind: 'model' | 'dataset', name: string): string => openRepositoryCache(root, labelRepository({ kind, name })).directory;
  t.equal(of('model', 'org/tiny'), join(root, 'models--org--tiny'));
  t.equal(of('dataset', 'org/data'), join(root, 'datasets--org--data'));
  t.equal(of('model', 'gpt2'), join(root, 'models--gpt2'));
  const cache = open(t);
  t.equal(cache.snapshot(ONE), join(cache.directory, 'snapshots', ONE));
  t.equal(cache.blob(BLOB), join(cache.directory, 'blobs', BLOB));
});

t.test('revisions are remembered, and replaced', async (t) => {
  const cache = open(t);
  t.equal(await cache.readRevision(), undefined);
  for (const commit of [ONE, TWO, TWO]) {
    await cache.rememberRevision(commit);
    t.equal(await readFile(join(cache.directory, 'refs/refs/pr/1'), 'utf8'), commit, 'no line end: Python reads it as it is');
    t.equal(await cache.readRevision(), commit);
  }
  t.same(await readdir(join(cache.directory, 'refs/refs/pr')), ['1'], 'nothing is left beside it');
  const pinned = openRepositoryCache(t.testdir({}), labelRepository({ kind: 'model', name: 'org/tiny', revision: ONE }));
  await pinned.rememberRevision(ONE);
  t.equal(await pinned.readRevision(), ONE);
  await t.rejects(readdir(join(pinned.directory, 'refs')), { code: 'ENOENT' }, 'a commit needs no reference');
});

t.test('links are relative, and replace what was there', async (t) => {
  const cache = open(t);
  await writeBlob(cache);
  await mkdir(join(cache.snapshot(ONE), 'sub'), { recursive: true });
  await writeFile(join(cache.snapshot(ONE), 'sub/file'), 'old');
  for (let i = 0; i < 2; i++) await cache.link(ONE, 'sub/file', BLOB, i === 0);
  const pointer = join(cache.snapshot(ONE), 'sub/file');
  t.equal(await readlink(pointer), join('..', '..', '..', 'blobs', BLOB));
  t.equal(await readFile(pointer, 'utf8'), 'content');
  t.same(await readdir(dirname(pointer)), ['file']);
});

t.test('where no links can be made, a new blob moves and an old one is copied', async (t) => {
  const cache = open(t, noLinks);
  await writeBlob(cache);
  await cache.link(ONE, 'file', BLOB, false);
  t.equal(await readFile(join(cache.snapshot(ONE), 'file'), 'utf8'), 'content');
  t.equal(await fileBytes(cache.blob(BLOB)), 7, 'others may use it');
  await cache.link(TWO, 'file', BLOB, true);
  t.equal(await readFile(join(cache.snapshot(TWO), 'file'), 'utf8'), 'content');
  t.equal(await fileBytes(cache.blob(BLOB)), undefined);
  t.ok((await lstat(join(cache.snapshot(TWO), 'file'))).isFile());
  t.same(await readdir(cache.snapshot(ONE)), ['file']);
  t.same(await cache.listSnapshot(TWO), [{ path: 'file', bytes: 7, blob: undefined }]);
  await cache.remove(TWO, 'file', BLOB);
  t.same(await cache.listSnapshot(TWO), []);
});

t.test('other failures to link are told', async (t) => {
  const full: typeof symlink = async () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, symlink'), { code: 'ENOSPC' });
  };
  const cache = open(t, full);
  await writeBlob(cache);
  await t.rejects(cache.link(ONE, 'file', BLOB, true), { name: 'FileWriteError', code: 'QL_DISK_FULL' });
});

t.test('the list of a snapshot', async (t) => {
  const cache = open(t);
  t.same(await cache.listSnapshot(ONE), [], 'of none');
  await writeBlob(cache);
  await cache.link(ONE, 'sub/b', BLOB, true);
  await cache.link(ONE, 'a', BLOB, false);
  await cache.link(ONE, 'to-nothing', 'c'.repeat(64), false);
  t.same(await cache.listSnapshot(ONE), [
    { path: 'a', bytes: 7, blob: BLOB },
    { path: 'sub/b', bytes: 7, blob: BLOB },
  ]);
});

t.test('a blob goes with its last link', async (t) => {
  const cache = open(t);
  await writeBlob(cache);
  await cache.link(ONE, 'file', BLOB, true);
  await cache.link(ONE, 'twin', BLOB, false);
  await cache.link(TWO, 'file', BLOB, false);
  for (const [commit, path] of [
    [ONE, 'file'],
    [ONE, 'twin'],
  ] as const) {
    await cache.remove(commit, path, BLOB);
    t.equal(await fileBytes(join(cache.snapshot(commit), path)), undefined);
    t.equal(await fileBytes(cache.blob(BLOB)), 7);
  }
  await cache.remove(TWO, 'file', BLOB);
  t.equal(await fileBytes(cache.blob(BLOB)), undefined);
  await t.resolves(cache.remove(TWO, 'file', BLOB), 'what is gone can be removed again');
});

t.test('what a foreign link leads to stays', async (t) => {
  const cache = open(t);
  const mine = join(t.testdir({ weights: 'mine' }), 'weights');
  const other = openRepositoryCache(join(cache.directory, '..'), labelRepository({ kind: 'model', name: 'org/tiny' }));
  await mkdir(other.snapshot(ONE), { recursive: true });
  await symlink(mine, join(other.snapshot(ONE), 'file'));
  await other.remove(ONE, 'file', BLOB);
  t.equal(await readFile(mine, 'utf8'), 'mine');
  t.equal(await fileBytes(join(other.snapshot(ONE), 'file')), undefined);
});
