import t from 'tap';
import { findFormat } from '../../../src/corpus/formats/find-format.js';
import { RecordFields } from '../../../src/corpus/formats/record-fields.js';

const read = (name: string, record: unknown) => findFormat(name).read(new RecordFields(record, 'row 5'));

t.test('the roles of ShareGPT and of OpenAI become the same turns', async (t) => {
  const turns = [
    { role: 'system', content: 's' },
    { role: 'user', content: 'u' },
    { role: 'assistant', content: 'a' },
  ];
  const conversations = [
    { from: 'system', value: 's', weight: null },
    { from: 'human', value: 'u', weight: 0 },
    { from: 'gpt', value: 'a', weight: 1 },
  ];
  t.same(read('slimorca', { conversations }), { kind: 'conversation', turns, messages: turns });
  t.same(read('chat', { messages: turns }), { kind: 'conversation', turns, messages: turns });
});

t.test('a template sees the messages as they are', async (t) => {
  const messages = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    },
    { role: 'assistant', content: null, tool_calls: [{ name: 'f' }] },
    { role: 'tool', content: '3' },
  ];
  t.same(read('chat', { messages }), {
    kind: 'conversation',
    turns: [
      { role: 'user', content: 'ab' },
      { role: 'assistant', content: '' },
      { role: 'tool', content: '3' },
    ],
    messages,
  });
});

t.test('what is no conversation of texts is refused', async (t) => {
  t.throws(() => read('chat', { messages: 'hello' }), {
    code: 'QL_TEXT_FIELD',
    message: /"messages" holds a value of type string; it has to be a list/,
  });
  t.throws(() => read('chat', { conversations: [] }), { message: /"messages" is missing; the record has "conversations"/ });
  t.throws(() => read('chat', { messages: [{ content: 'x' }] }), { message: /message 1 of "messages" has no "role"/ });
  t.throws(() => read('slimorca', { conversations: ['x'] }), { message: /message 1 of "conversations" has no "from"/ });
  t.throws(() => read('chat', { messages: [{ role: 'user', content: [{ type: 'image' }] }] }), { message: /other than text/ });
});
