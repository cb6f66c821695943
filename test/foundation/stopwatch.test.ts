import t from 'tap';
import { Stopwatch } from '../../src/foundation/index.js';

t.test('seconds are added by name, also those of work that fails', async (t) => {
  const watch = new Stopwatch({ read: 1, write: 0 });
  t.equal(await watch.time('read', () => 7), 7);
  await t.rejects(
    watch.time('write', () => Promise.reject(new RangeError('no'))),
    RangeError,
  );
  const { read, write } = watch.seconds;
  t.ok(read > 1 && write > 0);
  t.same(Object.keys(watch.seconds), ['read', 'write']);
});
