import t from 'tap';
import { byteTokenIds } from '../../../src/corpus/encoding/byte-tokens.js';

t.test('the bytes of a text, or nothing', async (t) => {
  const ids = byteTokenIds(
    new Map([
      ['<0xC3>', 5],
      ['<0xA9>', 6],
      ['<0x0A>', 7],
    ]),
  );
  t.same(ids('\u00e9\n'), [5, 6, 7]);
  t.same(ids(''), []);
  t.equal(ids('\u00e8'), undefined);
});
