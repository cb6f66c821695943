import t from 'tap';
import { spellBytes } from '../../../src/corpus/encoding/byte-level.js';

t.test('bytes are spelled as GPT-2 spells them', async (t) => {
  t.equal(spellBytes('a ~\n\u0000\u007f'), 'a\u0120~\u010a\u0100\u0121');
  t.equal(spellBytes('\u00ad'), '\u00c2\u0143', 'the soft hyphen, the last of the unprintable ones');
  t.equal(spellBytes('\u4e2d'), '\u00e4\u00b8\u0143');
  t.equal(new Set(Array.from({ length: 0x110 }, (_, i) => spellBytes(String.fromCodePoint(i)))).size, 0x110);
});
