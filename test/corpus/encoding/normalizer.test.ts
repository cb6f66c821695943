import t from 'tap';
import { createNormalizer, keepsBeginning } from '../../../src/corpus/encoding/normalizer.js';

t.test('each kind', async (t) => {
  const normalize = (definition: unknown, text: string) => createNormalizer(definition)(text);
  const prepend = { type: 'Prepend', prepend: '\u2581' };
  t.equal(normalize(null, 'a'), 'a');
  t.equal(
    normalize({ type: 'Sequence', normalizers: [prepend, { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }] }, 'a b'),
    '\u2581a\u2581b',
  );
  t.equal(normalize(prepend, ''), '');
  t.equal(normalize({ type: 'Replace', pattern: { String: '.' }, content: '$&' }, 'a.b'), 'a$&b', 'both are literal');
  t.equal(normalize({ type: 'Replace', pattern: { Regex: ' {2,}' }, content: '_' }, 'a   b c'), 'a_b c');
  t.equal(
    normalize({ type: 'Replace', pattern: { Regex: '\\p{L}' }, content: '' }, 'a\u{1e6c0}1'),
    '\u{1e6c0}1',
    'a letter of Unicode 17 is none',
  );
  t.equal(normalize({ type: 'Lowercase' }, '\u039f\u0394\u039f\u03a3 \u0130'), '\u03bf\u03b4\u03bf\u03c3 i\u0307', 'no final sigma');
  t.equal(normalize({ type: 'Strip', strip_left: true, strip_right: true }, '\u0085 a b\u3000'), 'a b');
  t.equal(normalize({ type: 'Strip', strip_left: false, strip_right: true }, ' a\ufeff '), ' a\ufeff');
  t.equal(normalize({ type: 'Strip', strip_left: true, strip_right: true }, '  '), '');
  t.equal(normalize({ type: 'StripAccents' }, 'e\u0301a'), 'ea');
  t.equal(normalize({ type: 'Nmt' }, 'a\u0001\u200b\tb'), 'a  b');
  t.equal(normalize({ type: 'ByteLevel' }, '\u00e9 '), '\u00c3\u00a9\u0120');
});

t.test('as BERT does', async (t) => {
  const bert = (on: object) =>
    createNormalizer({
      type: 'BertNormalizer',
      clean_text: false,
      handle_chinese_chars: false,
      strip_accents: null,
      lowercase: false,
      ...on,
    });
  t.equal(bert({ clean_text: true })('a\u0000\u0007\ufffd\tb\u00a0c'), 'a b c');
  t.equal(bert({ handle_chinese_chars: true })('a\u4e2d\u{20000}b'), 'a \u4e2d  \u{20000} b');
  t.equal(bert({ lowercase: true })('\u00c9'), 'e', 'lower case strips accents');
  t.equal(bert({ lowercase: true, strip_accents: false })('\u00c9'), '\u00e9');
  t.equal(bert({ strip_accents: true })('\u00c9'), 'E');
});

t.test('what keeps the beginning of a text', async (t) => {
  const replace = (pattern: object) => ({ type: 'Replace', pattern, content: '\u2581' });
  for (const kept of [
    null,
    { type: 'NFC' },
    replace({ String: '\u{1f600}' }),
    { type: 'Sequence', normalizers: [{ type: 'Prepend' }, replace({ String: ' ' })] },
  ])
    t.ok(keepsBeginning(kept));
  for (const moved of [
    { type: 'Strip' },
    replace({ String: '  ' }),
    replace({ Regex: ' ' }),
    { type: 'Sequence', normalizers: [{ type: 'Precompiled' }] },
  ])
    t.notOk(keepsBeginning(moved));
});

t.test('what it does not know', async (t) => {
  t.throws(() => createNormalizer({ type: 'Rot13' }), { code: 'QL_TOKENIZER_UNSUPPORTED', message: /"Rot13"/ });
  t.throws(() => createNormalizer({ type: 'Replace', content: '' }), { code: 'QL_TOKENIZER_JSON', message: /no pattern/ });
});
