import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { FileWriteError, fileWriteError, QuailoraError, writeFileAtomically, writeFilePieces } from '../../src/foundation/index.js';

const linuxOnly = { skip: process.platform !== 'linux' && 'needs /dev/full' };

t.test('text, bytes and chunks are written whole', async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'file');
  await writeFileAtomically(path, 'é');
  t.equal(await readFile(path, 'utf8'), 'é');
  await writeFileAtomically(path, Uint8Array.of(1, 2, 3));
  t.same([...(await readFile(path))], [1, 2, 3], 'and replace what was there');
  const reused = new Uint8Array(2);
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 3; i++) yield reused.fill(i);
  };
  await writeFileAtomically(path, source());
  t.same([...(await readFile(path))], [0, 0, 1, 1, 2, 2]);
  t.same(await readdir(directory), ['file']);
});

t.test('pieces follow each other, whatever a single call takes of them', async (t) => {
  const path = join(t.testdir(), 'file');
  const pieces = [Uint8Array.of(1, 2, 3), new Uint8Array(), Uint8Array.of(4), Uint8Array.of(5, 6)];
  await writeFilePieces(path, pieces);
  t.same([...(await readFile(path))], [1, 2, 3, 4, 5, 6]);
  const handle = await open(path);
  const prototype = Object.getPrototypeOf(handle) as { writev: (pieces: Uint8Array[]) => Promise<{ bytesWritten: number }> };
  await handle.close();
  const { writev } = prototype;
  t.teardown(() => Object.assign(prototype, { writev }));
  // A system that takes two bytes at a time, as one may that is nearly full.
  prototype.writev = function (given) {
    const [first = new Uint8Array(), second = new Uint8Array()] = given;
    return writev.call(this, [first.subarray(0, 2), second.subarray(0, Math.max(0, 2 - first.length))]);
  };
  await writeFilePieces(path, pieces);
  t.same([...(await readFile(path))], [1, 2, 3, 4, 5, 6]);
  await t.rejects(writeFilePieces(join(t.testdir(), 'absent', 'file'), pieces), FileWriteError);
});

t.test('until it is whole, the name shows the old content', async (t) => {
  const path = join(t.testdir({ file: 'old' }), 'file');
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    t.equal(await readFile(path, 'utf8'), 'old');
    yield Uint8Array.of(2);
  };
  await writeFileAtomically(path, source());
  t.same([...(await readFile(path))], [1, 2]);
});

t.test('a source that fails leaves the old content and passes its error on', async (t) => {
  const directory = t.testdir({ file: 'old' });
  const failure = new QuailoraError('QL_TEST', 'stop');
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    throw failure;
  };
  await t.rejects(writeFileAtomically(join(directory, 'file'), source()), failure);
  t.equal(await readFile(join(directory, 'file'), 'utf8'), 'old');
  t.same(await readdir(directory), ['file']);
});

t.test('a partial file of a killed run is written over', async (t) => {
  const directory = t.testdir({ 'file.partial': 'much longer than the new content' });
  await writeFileAtomically(join(directory, 'file'), 'new');
  t.equal(await readFile(join(directory, 'file'), 'utf8'), 'new');
  t.same(await readdir(directory), ['file']);
});

t.test('a full disk', linuxOnly, async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'file');
  await symlink('/dev/full', `${path}.partial`);
  await t.rejects(writeFileAtomically(path, 'x'), { name: 'FileWriteError', code: 'QL_DISK_FULL', retryable: true, message: path });
  t.same(await readdir(directory), []);
});

t.test('paths that can not be written', async (t) => {
  const directory = t.testdir({ file: '' });
  await t.rejects(writeFileAtomically(join(directory, 'file', 'x'), ''), { code: 'QL_UNWRITABLE', retryable: false });
  await t.rejects(writeFileAtomically(join(directory, 'absent', 'x'), ''), { code: 'QL_IO', message: 'ENOENT' });
  await mkdir(join(directory, 'taken'));
  await writeFile(join(directory, 'taken', 'inside'), '');
  await t.rejects(writeFileAtomically(join(directory, 'taken'), ''), { code: 'QL_IO' });
  t.same((await readdir(directory)).sort(), ['file', 'taken'], 'no partial file is left');
});

t.test('system errors map to stable codes; ours pass unchanged', async (t) => {
  const codeOf = (code: string): string => fileWriteError('p', Object.assign(new Error('why'), { code })).code;
  t.equal(codeOf('EDQUOT'), 'QL_DISK_FULL');
  t.equal(codeOf('EFBIG'), 'QL_DISK_FULL');
  t.equal(codeOf('EACCES'), 'QL_UNWRITABLE');
  t.equal(codeOf('EPERM'), 'QL_UNWRITABLE');
  t.equal(codeOf('EROFS'), 'QL_UNWRITABLE');
  t.equal(codeOf('EIO'), 'QL_IO');
  t.match(fileWriteError('p', 'odd'), { code: 'QL_IO', message: 'odd' });
  const ours = new FileWriteError('QL_DISK_FULL', 'm');
  t.equal(fileWriteError('p', ours), ours);
});
