import t from 'tap';
import { refuseUnsupported } from '../../src/corpus/refuse-unsupported.js';

t.test('what gives the same ids as in Python passes', async (t) => {
  const split = { type: 'Split', pattern: { Regex: 'x' }, behavior: 'Isolated', invert: false };
  refuseUnsupported({
    model: { type: 'BPE', dropout: null, continuing_subword_prefix: '', vocab: {} },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, { type: 'ByteLevel' }] },
    added_tokens: [{ content: '<s>', single_word: false }],
  });
  t.pass();
});

t.test('what does not is named', async (t) => {
  const refuse = (definition: Record<string, unknown>, message: RegExp) =>
    t.throws(() => refuseUnsupported(definition), { code: 'QL_TOKENIZER_UNSUPPORTED', message });
  refuse({ model: { type: 'BPE', dropout: 0.1 } }, /dropout/);
  refuse({ model: { type: 'BPE', continuing_subword_prefix: '##' } }, /continuing_subword_prefix/);
  refuse({ pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', behavior: 'MergedWithNext' }] } }, /MergedWithNext/);
  refuse({ added_tokens: [{ content: 'x', single_word: true }] }, /single_word/);
});
