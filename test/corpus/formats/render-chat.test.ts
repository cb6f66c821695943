import { readFileSync } from 'node:fs';
import t from 'tap';
import { renderChat } from '../../../src/corpus/formats/render-chat.js';
import { datasetFile, datasetGoldens, fixtureTokenizer } from '../dataset-fixtures.js';

const chats = readFileSync(datasetFile('chat.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { messages: unknown[] }).messages);

for (const [name, { template, records }] of Object.entries(datasetGoldens.chat))
  t.test(`${name}: text and ids are those of transformers`, async (t) => {
    const tokenizer = { ...(await fixtureTokenizer('llama-3')), chatTemplate: template };
    const render = renderChat(tokenizer);
    for (const [i, messages] of chats.entries()) {
      const text = render(messages, 'x');
      t.equal(text, records[i]!.text);
      t.same(tokenizer.encodeOrdinary(text), records[i]!.ids);
    }
  });

t.test('no template, a broken one, and messages that it refuses', async (t) => {
  const tokenizer = await fixtureTokenizer('llama-3');
  t.throws(() => renderChat(tokenizer), {
    name: 'TokenizerError',
    code: 'QL_CHAT_TEMPLATE',
    message: /no chat template.*base model.*--format chat/,
  });
  t.throws(() => renderChat({ ...tokenizer, chatTemplate: '{% if %}' }), {
    name: 'TokenizerError',
    code: 'QL_CHAT_TEMPLATE',
    message: /can't be parsed/,
  });
  const strict = renderChat({ ...tokenizer, chatTemplate: "{{ raise_exception('no system here') }}" });
  t.throws(() => strict([], 'row 4'), { name: 'CorpusError', code: 'QL_CHAT_TEMPLATE', message: /^row 4: .*no system here/ });
});

t.test('a template gets no date of today', async (t) => {
  const chatTemplate = "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}no date{% endif %}";
  const tokenizer = await fixtureTokenizer('llama-3');
  t.equal(renderChat({ ...tokenizer, chatTemplate })([], 'x'), 'no date');
  t.equal(renderChat({ ...tokenizer, chatTemplate: '\n  {% if true %}x{% endif %}' })([], 'x'), '\nx', 'it begins as it did');
});
