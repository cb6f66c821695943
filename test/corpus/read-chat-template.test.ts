import t from 'tap';
import { readChatTemplate } from '../../src/corpus/read-chat-template.js';

t.test('the first place that has one wins', async (t) => {
  const read = async (files: Record<string, string>, settings: Record<string, unknown> = {}) =>
    readChatTemplate(t.testdir(files), Object.keys(files), settings);
  const jinja = { 'chat_template.jinja': 'from {{ jinja }}\n' };
  const json = { 'chat_template.json': '{"chat_template":"from json"}' };
  const named = [{ name: 'tool_use', template: 'tools' }, null, { name: 'default', template: 'from a list' }];
  t.equal(await read({ ...jinja, ...json }, { chat_template: 'from settings' }), 'from {{ jinja }}\n');
  t.equal(await read(json, { chat_template: 'from settings' }), 'from settings');
  t.equal(await read(json, { chat_template: named }), 'from a list');
  t.equal(await read(json), 'from json');
  t.equal(await read({}, { chat_template: [named[0]] }), undefined, 'a template for tools only is not the default');
  t.equal(await read({}), undefined);
  await t.rejects(read({ 'chat_template.json': '[' }), { code: 'QL_TOKENIZER_JSON', message: /chat_template\.json/ });
});
