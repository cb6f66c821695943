import t from 'tap';
import { planText, type TextShape } from '../../src/corpus/index.js';
import { makeExamples } from '../../src/corpus/make-examples.js';
import { datasetGoldens, fixtureTokenizer } from './dataset-fixtures.js';
import { letterTokenizer } from './letter-tokenizer.js';
import { collect } from './streams.js';

async function* records(...values: unknown[]) {
  for (const [i, value] of values.entries()) yield { where: `record ${i + 1}`, read: () => value };
}

const examples = (shape: TextShape, values: unknown[], source = 'a.jsonl', tokenizer = letterTokenizer()) =>
  collect(makeExamples(planText(source, shape, 'calibration'), tokenizer, source === 'a.txt')(records(...values)));

const spell = ({ ids }: { readonly ids: readonly number[] }): string => String.fromCodePoint(...ids).replaceAll('\0', '|');

t.test('a text is cut to a window as a sample, and ended in running text', async (t) => {
  const [example] = await examples({}, [{ text: 'abcdef' }]);
  t.same([spell(example!.sample(4)), example!.sample(4).truncated, example!.sample(6).truncated], ['abcd', true, false]);
  t.equal(spell(example!.running()), 'abcdef|');
});

t.test('a .txt file is not ended', async (t) => {
  const [example] = await examples({}, ['abc'], 'a.txt');
  t.equal(spell(example!.running()), 'abc');
});

t.test('a pair has lengths of its own and says both halves', async (t) => {
  const made = await examples({ format: 'input-output', sourceTokens: 2 }, [
    { input: 'abc', output: 'd' },
    { input: '', output: '' },
    { input: 'ab', output: 'cd' },
    { input: 'a', output: 'bcd' },
  ]);
  t.equal(spell(made[0]!.sample(1)), 'abd|');
  t.equal(made[1]!.text, '', 'a pair that says nothing is empty');
  t.not(made[2]!.text, made[3]!.text, 'where it is divided counts');
});

t.test("a conversation is plain, or the model's own", async (t) => {
  const record = {
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'ho' },
    ],
  };
  const [plain] = await examples({ format: 'chat' }, [record]);
  t.equal(spell(plain!.running()), '### Human: hi### Assistant: ho|');
  const tokenizer = { ...letterTokenizer(), chatTemplate: '{% for m in messages %}<{{ m.content }}>{% endfor %}' };
  const [own] = await examples({ chatTemplate: true }, [record], 'a.jsonl', tokenizer);
  t.equal(spell(own!.running()), '<hi><ho>', 'nothing is added');
  t.equal(spell(own!.sample(3)), '<hi');
  const [empty] = await examples({ format: 'chat' }, [{ messages: [] }, record]);
  t.equal(empty!.text, '');
});

t.test("a template's special tokens are special, and none are added", async (t) => {
  const { template, records: expected } = datasetGoldens.chat['bos-first']!;
  const tokenizer = { ...(await fixtureTokenizer('llama-3')), chatTemplate: template };
  const plan = planText('a.jsonl', { chatTemplate: true }, 'calibration');
  const chat = {
    messages: [
      { role: 'user', content: 'Hello.' },
      { role: 'assistant', content: expected[0]!.text.split(' A: ')[1]!.replace('<|end|>', '') },
    ],
  };
  const [example] = await collect(makeExamples(plan, tokenizer, false)(records(chat)));
  t.same(example!.running().ids, expected[0]!.ids);
});

t.test('joined texts are tokenized as one', async (t) => {
  const tokenizer = letterTokenizer();
  const made = await examples({ format: 'wikitext2' }, [{ text: '' }, { text: ' = A = \n' }, { text: 'b' }], 'a.jsonl', tokenizer);
  t.same(
    made.map(({ text }) => text),
    ['\n\n = A = \n\n\nb'],
  );
  t.equal(spell(made[0]!.running()), '\n\n = A = \n\n\nb');
  t.equal(tokenizer.seen.length, 1);
});

t.test('nothing is tokenized before it is needed', async (t) => {
  const tokenizer = letterTokenizer();
  await examples({}, [{ text: 'a' }, { text: 'b' }], 'a.jsonl', tokenizer);
  t.same(tokenizer.seen, []);
});
