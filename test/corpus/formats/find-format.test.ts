import t from 'tap';
import { ANY_CONVERSATION, AUTOMATIC_FORMAT, findFormat, FORMAT_NAMES } from '../../../src/corpus/formats/find-format.js';
import { RecordFields } from '../../../src/corpus/formats/record-fields.js';

const read = (record: unknown) => AUTOMATIC_FORMAT.read(new RecordFields(record, 'a.jsonl, line 2'));

t.test('every name finds its format, and a misspelt one the nearest', async (t) => {
  for (const name of FORMAT_NAMES) t.equal(findFormat(name).name, name);
  t.equal(new Set(FORMAT_NAMES).size, FORMAT_NAMES.length);
  t.throws(() => findFormat('alpacca'), {
    code: 'QL_FORMAT_UNKNOWN',
    message: /no format "alpacca"\. Did you mean "alpaca"\?.*--template/,
  });
  t.throws(() => findFormat('zzz'), { code: 'QL_FORMAT_UNKNOWN', message: /no format "zzz"\. The formats are alpaca/ });
});

t.test('without a format: chosen, then text, then prompt and completion; the first that is not empty', async (t) => {
  const cases = [
    [{ chosen: 'c', text: 't', rejected: 'r' }, 'c'],
    [{ text: 't', prompt: 'p', completion: 'q' }, 't'],
    [{ prompt: 'p', completion: 'q' }, 'pq'],
    [{ chosen: '', text: null, prompt: 'p', completion: '' }, 'p'],
    [{ text: '' }, ''],
  ] as const;
  for (const [record, text] of cases) t.same(read(record), { kind: 'text', text });
});

t.test('without a format, other records are told what to pass', async (t) => {
  const cases = [
    [{ instruction: 'i', output: 'o' }, /has the fields "instruction", "output";.*look like records of --format alpaca/],
    [{ input: 'i', output: 'o' }, /--format input-output/],
    [{ messages: [] }, /"messages" is a conversation: pass --chat-template .*or --format chat for a base model/],
    [{ id: 1, conversations: [] }, /"conversations" is a conversation.*--format slimorca/],
    [{ body: 'x' }, /"body".*--field.*--template/],
    [{ prompt: 'p' }, /"prompt".*--field/],
    [{}, /\(none\)/],
    [{ chosen: [{ role: 'user' }] }, /"chosen" holds a list/],
  ] as const;
  for (const [record, message] of cases) t.throws(() => read(record), { code: 'QL_TEXT_FIELD', message });
});

t.test('a conversation without a format goes by its field', async (t) => {
  const any = (record: unknown) => ANY_CONVERSATION.read(new RecordFields(record, 'row 1'));
  t.match(any({ messages: [{ role: 'user', content: 'x' }] }), { turns: [{ role: 'user' }] });
  t.match(any({ conversations: [{ from: 'gpt', value: 'x' }] }), { turns: [{ role: 'assistant' }] });
  t.throws(() => any({ text: 'x' }), { code: 'QL_TEXT_FIELD', message: /"text".*--chat-template reads conversations/ });
});
