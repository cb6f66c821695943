import { readFileSync } from 'node:fs';
import t from 'tap';
import { createCharsmap } from '../../../src/corpus/encoding/precompiled-charsmap.js';

const charsmap = readFileSync(new URL('../../../../test/fixtures/tokenizer/charsmap.bin', import.meta.url)).toString('base64');

t.test('replaces what the rules of make-charsmap.py say', async (t) => {
  const normalize = createCharsmap(charsmap);
  t.equal(normalize('plain text'), 'plain text');
  t.equal(normalize('\ufb01x\uff21\u3000\u00bd\u0001'), 'fixA 1\u20442');
  t.equal(
    normalize('e\u0301 \uff76\uff9e \u{1d400}'),
    '\u00e9 \u30ab\uff9e A',
    'the half-width kana with its mark has six bytes, one too many',
  );
  t.equal(normalize('\u2460\u0301'), '1', 'the rule for its beginning replaces the grapheme');
  t.equal(normalize('a\r\nb'), 'a b', 'CR LF is one grapheme');
  t.equal(normalize('\u00e9\r\n'), '\u00e9 ');
  t.equal(normalize('x\u0301\ufb01'), 'x\u0301fi');
});

t.test('a damaged map', async (t) => {
  for (const bytes of [[], [9, 0, 0, 0, 1], [8, 0, 0, 0, 1, 2, 3, 4], [3, 0, 0, 0, 1, 2, 3, 4]])
    t.throws(() => createCharsmap(Buffer.from(bytes).toString('base64')), { code: 'QL_TOKENIZER_JSON', message: /charsmap/ });
});
