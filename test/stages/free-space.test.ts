import { join } from 'node:path';
import t from 'tap';
import { freeSpace } from '../../src/stages/free-space.js';

t.test('a directory that is to be made has the room of where it will lie', async (t) => {
  const here = t.testdir({ file: 'x' });
  const { device, freeBytes } = await freeSpace(here);
  t.ok(freeBytes > 0);
  t.match(await freeSpace(join(here, 'not/yet')), { device, directory: join(here, 'not/yet') });
  t.equal((await freeSpace(join(here, 'file/below'))).device, device);
});
