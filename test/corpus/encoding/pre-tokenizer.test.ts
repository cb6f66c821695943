import t from 'tap';
import { createPreTokenizer } from '../../../src/corpus/encoding/pre-tokenizer.js';

const cut = (definition: unknown, text: string, first = true): string[] => {
  const { cut, spell } = createPreTokenizer(definition);
  return cut([{ text, first }]).map((piece) => (spell ? spell(piece.text) : piece.text));
};

t.test('byte level', async (t) => {
  t.same(cut({ type: 'ByteLevel', add_prefix_space: false }, "I'll go  \u00e9"), ['I', "'ll", '\u0120go', '\u0120', '\u0120\u00c3\u00a9']);
  t.same(cut({ type: 'ByteLevel', add_prefix_space: true }, 'a'), ['\u0120a']);
  t.same(cut({ type: 'ByteLevel', add_prefix_space: true }, ' a'), ['\u0120a']);
  t.same(cut({ type: 'ByteLevel', use_regex: false }, 'a b'), ['a\u0120b']);
  const before = {
    type: 'Sequence',
    pretokenizers: [
      { type: 'ByteLevel', use_regex: false },
      { type: 'Split', pattern: { String: '\u0120' }, behavior: 'Isolated' },
    ],
  };
  t.same(cut(before, 'a b'), ['a', '\u0120', 'b'], 'spelled where another follows');
});

t.test('patterns see what Unicode 16 knows, the classes of Rust what they know', async (t) => {
  const split = { type: 'Split', pattern: { Regex: '\\p{L}+' }, behavior: 'Isolated', invert: false };
  t.same(cut(split, 'a\u{1e6c0}b'), ['a', '\u{1e6c0}', 'b'], 'a letter of Unicode 17');
  t.same(cut(split, '1\u{10d4a}b'), ['1', '\u{10d4a}b'], 'a letter of Unicode 16, on any Node');
  t.same(cut({ type: 'Punctuation' }, 'a\u1b4fb'), ['a\u1b4fb'], 'punctuation of Unicode 16');
});

t.test('metaspace', async (t) => {
  const metaspace = (scheme: string, split: boolean) => ({ type: 'Metaspace', replacement: '\u2581', prepend_scheme: scheme, split });
  t.same(cut(metaspace('always', true), 'a b  c', false), ['\u2581a', '\u2581b', '\u2581', '\u2581c']);
  t.same(cut(metaspace('first', false), 'a b'), ['\u2581a\u2581b']);
  t.same(cut(metaspace('first', false), 'a b', false), ['a\u2581b']);
  t.same(cut(metaspace('first', false), ' a'), ['\u2581a'], 'not a second one');
  t.same(cut(metaspace('never', false), 'a'), ['a']);
  t.same(cut({ type: 'Metaspace', replacement: '_', add_prefix_space: true }, 'a b'), ['_a', '_b'], 'as older files say it');
});

t.test('the others', async (t) => {
  t.same(cut(null, 'a b'), ['a b']);
  t.same(cut({ type: 'Sequence', pretokenizers: [] }, 'a b'), ['a b']);
  t.same(cut({ type: 'Split', pattern: { String: '.' }, behavior: 'MergedWithPrevious', invert: false }, 'a.b'), ['a.', 'b'], 'a literal');
  t.same(cut({ type: 'Digits', individual_digits: true }, 'a12\u2167'), ['a', '1', '2', '\u2167']);
  t.same(cut({ type: 'Digits', individual_digits: false }, 'a12b'), ['a', '12', 'b']);
  t.same(cut({ type: 'Punctuation' }, 'a!?b'), ['a', '!', '?', 'b']);
  t.same(cut({ type: 'Punctuation', behavior: 'Contiguous' }, 'a!?b'), ['a', '!?', 'b']);
  t.same(cut({ type: 'WhitespaceSplit' }, ' a \u3000b'), ['a', 'b']);
  t.same(cut({ type: 'Whitespace' }, 'a_1 !?b'), ['a_1', '!?', 'b']);
  t.same(cut({ type: 'BertPreTokenizer' }, 'a, b'), ['a', ',', 'b']);
  t.same(cut({ type: 'CharDelimiterSplit', delimiter: '|' }, 'a|b||'), ['a', 'b']);
  t.same(cut({ type: 'FixedLength', length: 2 }, 'a\u{1f600}b'), ['a\u{1f600}', 'b']);
});

t.test('what it does not know', async (t) => {
  const refuse = (definition: unknown, message: RegExp) =>
    t.throws(() => createPreTokenizer(definition), { code: 'QL_TOKENIZER_UNSUPPORTED', message });
  refuse({ type: 'UnicodeScripts' }, /"UnicodeScripts"/);
  refuse({ type: 'Split', pattern: { String: 'a' }, behavior: 'Dropped' }, /"Dropped"/);
  refuse({ type: 'Split', behavior: 'Isolated' }, /without a pattern/);
  refuse({ type: 'Metaspace', replacement: 'ab' }, /without a replacement/);
  refuse({ type: 'Metaspace', replacement: '_', prepend_scheme: 'last' }, /prepends "last"/);
  refuse('ByteLevel', /no object/);
});
