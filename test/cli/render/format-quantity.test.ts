import t from 'tap';
import { formatBytes, formatClock, formatCount, formatPercent, formatSeconds } from '../../../src/cli/render/format-quantity.js';

t.test('quantities read as people write them', async (t) => {
  t.same([0, 1023, 1024, 10 * 1024, 1.5 * 2 ** 30, 2 ** 60].map(formatBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '10 KiB',
    '1.5 GiB',
    '1048576 TiB',
  ]);
  t.same([0, 59.4, 60, 3599, 3600, 36_061].map(formatClock), ['0:00', '0:59', '1:00', '59:59', '1:00:00', '10:01:01']);
  t.same([0.123, 9.994, 10, 123.4].map(formatSeconds), ['0.12 s', '9.99 s', '10 s', '123 s']);
  t.same([0.2053, 0, null, undefined].map(formatPercent), ['20.5 %', '0.0 %', '-', '-']);
  t.equal(formatCount(65_536), '65,536');
});
