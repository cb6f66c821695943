import t from 'tap';
import { createEncoder } from '../../../src/corpus/encoding/create-encoder.js';

const model = { type: 'BPE', vocab: { a: 0, '!': 1 }, merges: [] };
const split = (Regex: string): object => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });

t.test('a pattern that backtracks without end becomes an error', async (t) => {
  const encoder = createEncoder({ model, pre_tokenizer: split('^(?:a+)+$') }, [], false);
  t.same(encoder.encode('aa', false), [0, 0]);
  t.throws(() => encoder.encode(`${'a'.repeat(60)}!`, false), { code: 'QL_TOKENIZER_LIMIT', message: /61 characters.*10003 ms/ });
});

t.test('a normalizer that lets texts grow becomes an error', async (t) => {
  const double = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
  const normalizer = { type: 'Sequence', normalizers: Array.from({ length: 60 }, () => double) };
  t.throws(() => createEncoder({ model, normalizer }, [], false).encode('aaa', false), {
    code: 'QL_TOKENIZER_LIMIT',
    message: /normalizer/,
  });
  const nested = { type: 'Sequence', normalizers: [double, normalizer] };
  t.throws(() => createEncoder({ model, normalizer: nested }, [], false).encode('aaa', false), { code: 'QL_TOKENIZER_LIMIT' });
});
