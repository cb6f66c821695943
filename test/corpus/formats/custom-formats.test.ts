import t from 'tap';
import { fieldFormat, templateFormat } from '../../../src/corpus/formats/custom-formats.js';
import { RecordFields } from '../../../src/corpus/formats/record-fields.js';
import type { RecordFormat } from '../../../src/corpus/formats/record-format.js';

const record = { question: 'Q?', answers: [{ text: 'A' }, { text: 'B' }], 'a.b': 'dotted', count: 3, big: 10n, right: true, none: null };
const read = (format: RecordFormat, value: unknown = record) => {
  const said = format.read(new RecordFields(value, 'row 9'));
  return said.kind === 'text' ? said.text : said;
};

t.test('a field by its path', async (t) => {
  t.equal(read(fieldFormat('question')), 'Q?');
  t.equal(read(fieldFormat('answers.1.text')), 'B');
  t.equal(read(fieldFormat('a.b')), 'dotted');
  t.equal(read(fieldFormat('none')), '');
  t.same(fieldFormat('answers.1.text').fields, ['answers']);
});

t.test('a wrong field says what there is, and what is near', async (t) => {
  t.throws(() => read(fieldFormat('qestion')), {
    code: 'QL_TEXT_FIELD',
    message:
      'row 9: there is no "qestion" (--field); the record has texts at "question", "answers.0.text", "answers.1.text", "a.b". Did you mean "question"?',
  });
  t.throws(() => read(fieldFormat('answers.7.text')), { message: /no "answers\.7\.text"/ });
  t.throws(() => read(fieldFormat('toString')), { message: /no "toString"/ });
  t.throws(() => read(fieldFormat('answers')), { message: /"answers" holds a list; --field takes a string.*"answers\.0"/ });
  t.throws(() => read(fieldFormat('count')), { message: /"count" holds a value of type number/ });
});

t.test('a template with fields, escapes and braces', async (t) => {
  t.equal(read(templateFormat('{question}\\n\\t{ answers.0.text } {{x}} \\\\n')), 'Q?\n\tA {x} \\n');
  t.equal(read(templateFormat('{count} {big} {right} [{none}] \\x')), '3 10 true [] \\x');
  t.same(templateFormat('{a.x}{b}{a.y}').required, ['a', 'b']);
  t.throws(() => read(templateFormat('{question} {anwers}')), { code: 'QL_TEXT_FIELD', message: /no "anwers" \(--template\)/ });
  t.throws(() => read(templateFormat('{answers}')), { message: /"answers" holds a list.*\{answers\.0\}/ });
  for (const wrong of ['{question', 'question}', '{}', '{ }', '{a{b}'])
    t.throws(() => templateFormat(wrong), { code: 'QL_TEXT_SHAPE', message: /brace/ });
  for (const wrong of ['no field', '', '{{x}}'])
    t.throws(() => templateFormat(wrong), { code: 'QL_TEXT_SHAPE', message: /names no field/ });
});
