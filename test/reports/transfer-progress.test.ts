import t from 'tap';
import { transferProgress, type StageEvent } from '../../src/reports/index.js';

t.test('one event a per cent of a file, the first and the last among them', async (t) => {
  const events: StageEvent[] = [];
  const report = transferProgress({ seconds: 7 }, (event) => events.push(event));
  for (let bytes = 0; bytes <= 5000; bytes += 5) report({ file: 'a', bytes, totalBytes: 5000 });
  t.equal(events.length, 101);
  t.same(events[0], { type: 'stage', stage: 'download', file: 'a', bytes: 0, totalBytes: 5000, seconds: 7 });
  t.match(events.at(-1), { bytes: 5000 });
});

t.test('files are told apart, one that comes again is told again, an empty one is whole', async (t) => {
  const events: StageEvent[] = [];
  const report = transferProgress({ seconds: 0 }, (event) => events.push(event));
  report({ file: 'a', bytes: 0, totalBytes: 10 });
  report({ file: 'b', bytes: 0, totalBytes: 10 });
  report({ file: 'a', bytes: 10, totalBytes: 10 });
  report({ file: 'a', bytes: 0, totalBytes: 10 });
  report({ file: 'empty', bytes: 0, totalBytes: 0 });
  t.same(
    events.map(({ file, bytes }) => `${file} ${bytes}`),
    ['a 0', 'b 0', 'a 10', 'a 0', 'empty 0'],
  );
});
