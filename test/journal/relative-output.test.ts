import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { claimOutput } from '../../src/journal/index.js';

t.test('an output that is named relative to the working directory keeps its scratch files', async (t) => {
  const before = process.cwd();
  process.chdir(t.testdir());
  t.teardown(() => {
    process.chdir(before);
  });
  const options = { fingerprint: { rank: 1 }, fresh: false, resumable: true };
  const first = await claimOutput('OUT', options);
  await writeFile(join(first.scratchDirectory, 'hidden.arrow'), 'x');
  await writeFile(join(first.workDirectory, 'part-x.safetensors'), 'x');
  await first.abandon();
  const again = await claimOutput('OUT', options);
  t.equal(again.scratchDirectory, first.scratchDirectory);
  t.same(await readdir(again.scratchDirectory), ['hidden.arrow']);
  await again.abandon();
});
