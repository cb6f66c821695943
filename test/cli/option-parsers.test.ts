import t from 'tap';
import { memorySize } from '../../src/cli/option-parsers.js';

const read = memorySize('--max-memory');

t.test('an amount of memory has a unit, of powers of 1024 or of 1000', async (t) => {
  for (const [text, bytes] of [
    ['8GiB', 8 * 2 ** 30],
    ['8GB', 8e9],
    ['6000MiB', 6000 * 2 ** 20],
    ['1.5 gib', 1.5 * 2 ** 30],
    [' 0.5tb ', 5e11],
    ['.3KiB', 307],
  ] as const)
    t.equal(read(text), bytes, text);
});

t.test('what is no amount of memory is refused by its option', async (t) => {
  for (const text of ['8', '8G', 'GiB', '-1GiB', '0GiB', '1e3GiB', '1.2.3GiB', '99999999999TB', '', '8 GiB more'])
    t.throws(() => read(text), { code: 'QL_USAGE', message: /^--max-memory takes an amount with its unit/ }, text);
});
