import { execFileSync } from 'node:child_process';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readTextFile } from '../../src/foundation/index.js';

t.test('a file, also by a link that leads elsewhere', async (t) => {
  const [here, elsewhere] = [t.testdir(), join(t.testdir(), 'blobs')];
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, 'abc'), 'naïve');
  await symlink(join(elsewhere, 'abc'), join(here, 'config.json'));
  t.equal(await readTextFile(join(here, 'config.json')), 'naïve');
});

t.test('what may never end, or is too large, is refused', async (t) => {
  const place = t.testdir();
  execFileSync('mkfifo', [join(place, 'pipe')]);
  await writeFile(join(place, 'sparse'), '');
  await truncate(join(place, 'sparse'), 300 * 2 ** 20);
  const refused = (message: RegExp) => ({ code: 'QL_FILE_READ', message });
  await t.rejects(readTextFile(join(place, 'pipe')), refused(/no regular file/));
  await t.rejects(readTextFile('/dev/zero'), refused(/no regular file/));
  await t.rejects(readTextFile(place), refused(/no regular file|EISDIR/));
  await t.rejects(readTextFile(join(place, 'sparse')), refused(/314572800 bytes/));
  await t.rejects(readTextFile(join(place, 'missing')), refused(/ENOENT/));
});
