import { readFileSync } from 'node:fs';
import t from 'tap';
import { findFormat } from '../../../src/corpus/formats/find-format.js';
import { plainConversation } from '../../../src/corpus/formats/plain-conversation.js';
import { RecordFields } from '../../../src/corpus/formats/record-fields.js';
import { datasetFile, datasetGoldens } from '../dataset-fixtures.js';

for (const [name, file] of [
  ['slimorca', 'slimorca.jsonl'],
  ['chat', 'chat.jsonl'],
] as const)
  t.test(`${file}: all before the last answer is asked, the last answer answered`, async (t) => {
    const lines = readFileSync(datasetFile(file), 'utf8').trimEnd().split('\n');
    const pairs = lines.map((line) => {
      const said = findFormat(name).read(new RecordFields(JSON.parse(line), file));
      const { input, output } = plainConversation(said.kind === 'conversation' ? said.turns : [], file);
      return [input, output];
    });
    t.same(pairs, datasetGoldens.conversations);
  });

t.test('a conversation without an answer, or with other speakers, is refused', async (t) => {
  t.throws(() => plainConversation([{ role: 'user', content: 'x' }], 'row 2'), {
    code: 'QL_TEXT_FIELD',
    message: /^row 2: the assistant says nothing.*roles: user/,
  });
  const withTool = ['user', 'tool', 'assistant'].map((role) => ({ role, content: 'x' }));
  t.throws(() => plainConversation(withTool, 'row 2'), { code: 'QL_TEXT_FIELD', message: /role "tool".*--chat-template/ });
});
