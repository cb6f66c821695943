import t from 'tap';
import { createPostProcessor } from '../../../src/corpus/encoding/post-processor.js';

const template = {
  type: 'TemplateProcessing',
  single: [
    { SpecialToken: { id: '<s>', type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: '</s>', type_id: 0 } },
  ],
  special_tokens: { '<s>': { id: '<s>', ids: [1, 11], tokens: [] }, '</s>': { id: '</s>', ids: [2], tokens: [] } },
};

t.test('adds the special tokens', async (t) => {
  t.same(createPostProcessor(null)([5]), [5]);
  t.same(createPostProcessor({ type: 'ByteLevel' })([5]), [5]);
  t.same(createPostProcessor(template)([5, 6]), [1, 11, 5, 6, 2]);
  t.same(createPostProcessor({ type: 'RobertaProcessing', cls: ['<s>', 0], sep: ['</s>', 2] })([5]), [0, 5, 2]);
  t.same(createPostProcessor({ type: 'BertProcessing', cls: ['<s>', 0], sep: ['</s>', 2] })([]), [0, 2]);
  t.same(createPostProcessor({ type: 'Sequence', processors: [{ type: 'ByteLevel' }, template] })([5]), [1, 11, 5, 2]);
});

t.test('what it does not know', async (t) => {
  const bad = (definition: object, code: string, message: RegExp) => t.throws(() => createPostProcessor(definition), { code, message });
  bad({ type: 'Shuffle' }, 'QL_TOKENIZER_UNSUPPORTED', /"Shuffle"/);
  bad({ ...template, special_tokens: {} }, 'QL_TOKENIZER_JSON', /uses "<s>" without its ids/);
  bad({ type: 'TemplateProcessing' }, 'QL_TOKENIZER_JSON', /no list/);
  bad({ type: 'BertProcessing', cls: ['a', 1] }, 'QL_TOKENIZER_JSON', /no id/);
});
