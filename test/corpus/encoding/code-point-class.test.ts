import t from 'tap';
import { codePointClass } from '../../../src/corpus/encoding/code-point-class.js';

t.test('ranges in hexadecimal', async (t) => {
  const pattern = new RegExp(`^[${codePointClass('61-63 1f600 5d')}]$`, 'u');
  t.same(
    ['a', 'c', 'd', '\u{1f600}', ']', '-'].map((character) => pattern.test(character)),
    [true, true, false, true, true, false],
  );
});
