import t from 'tap';
import { withinTime } from '../../src/foundation/index.js';

t.test('what ends in time gives its value, or its own error', async (t) => {
  t.equal(
    withinTime(10_000, () => withinTime(10_000, () => 7)),
    7,
  );
  const own = new SyntaxError('of its own');
  const fail = (): never => {
    throw own;
  };
  t.throws(() => withinTime(10_000, fail), { name: 'SyntaxError', message: 'of its own' });
});

t.test('a regular expression that backtracks without end is given up', async (t) => {
  const endless = (): boolean => /^(a+)+$/u.test(`${'a'.repeat(60)}!`);
  t.throws(() => withinTime(50, endless), { code: 'QL_TIME_LIMIT', message: /50 ms/ });
  t.equal(
    withinTime(10_000, () => 1),
    1,
    'and the next one computes',
  );
});
