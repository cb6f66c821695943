import t from 'tap';
import { planText, type TextShape } from '../../src/corpus/index.js';

t.test('a name brings its format, its lengths and its part', async (t) => {
  t.match(planText('alpaca', {}, 'calibration'), { format: { name: 'alpaca' }, split: 'train', pairTokens: { source: 1024, target: 256 } });
  t.match(planText('alpaca', {}, 'evaluation'), { split: 'test' });
  t.match(planText('c4', {}, 'evaluation'), { format: { name: 'text' }, split: 'validation', pairTokens: undefined });
  t.match(planText('wikitext2', { split: 'validation' }, 'calibration'), { format: { joinedBy: '\n\n' }, split: 'validation' });
  t.match(planText('slimorca', { sourceTokens: 384 }, 'calibration'), {
    format: { kind: 'conversation' },
    pairTokens: { source: 384, target: 256 },
  });
  t.match(planText('slimorca', { chatTemplate: true }, 'calibration'), { format: { name: 'slimorca' }, pairTokens: undefined });
  t.match(planText('hh-rlhf', { field: 'rejected' }, 'calibration'), { format: { name: 'field' }, split: 'train', pairTokens: undefined });
});

t.test('files are read as their options say, all records of them', async (t) => {
  t.match(planText('a.jsonl', {}, 'calibration'), {
    format: { name: 'automatic' },
    split: undefined,
    pairTokens: undefined,
    dataset: undefined,
  });
  t.match(planText('./alpaca', { format: 'hh-rlhf' }, 'evaluation'), { dataset: undefined, format: { name: 'hh-rlhf' }, split: undefined });
  t.match(planText('a.jsonl', { chatTemplate: true }, 'calibration'), { format: { name: 'conversation', kind: 'conversation' } });
  t.match(planText('a.jsonl', { format: 'chat', targetTokens: 9 }, 'calibration'), { pairTokens: { source: 1024, target: 9 } });
  t.match(planText('a.txt', { fileType: 'jsonl', field: 'x' }, 'calibration'), { format: { name: 'field' } });
});

t.test('options that exclude each other or do nothing are refused', async (t) => {
  const cases: readonly (readonly [source: string, shape: TextShape, message: RegExp])[] = [
    ['a.jsonl', { format: 'alpaca', field: 'x' }, /--format and --field exclude each other.*a\.jsonl/],
    ['a.jsonl', { field: 'x', template: '{y}' }, /--field and --template exclude/],
    ['a.jsonl', { format: 'alpaca', chatTemplate: true }, /--chat-template writes conversations, and the format "alpaca" reads none/],
    ['a.jsonl', { field: 'x', chatTemplate: true }, /and --field reads none/],
    ['alpaca', { chatTemplate: true }, /the format "alpaca" reads none/],
    ['a.jsonl', { sourceTokens: 5 }, /--source-tokens cuts .*a\.jsonl is read as whole texts\. Name the format/],
    ['a.jsonl', { format: 'text', targetTokens: 5 }, /--target-tokens.*\(text\)/],
    ['a.jsonl', { chatTemplate: true, targetTokens: 5 }, /--target-tokens/],
    ['a.txt', { format: 'alpaca' }, /a\.txt is one text without records, so --format does not apply/],
    ['a.txt.gz', { split: 'train' }, /--split does not apply/],
    ['x/*.txt', { field: 'x' }, /--field does not apply/],
    ['alpaca', { fileType: 'csv' }, /alpaca is a published dataset, so --file-type/],
  ];
  for (const [source, shape, message] of cases) t.throws(() => planText(source, shape, 'calibration'), { code: 'QL_TEXT_SHAPE', message });
  t.throws(() => planText('a.jsonl', { format: 'x' }, 'calibration'), { code: 'QL_FORMAT_UNKNOWN' });
});

t.test('a part that is not there is refused', async (t) => {
  t.throws(() => planText('hh-rlhf', { split: 'validation' }, 'calibration'), {
    code: 'QL_TEXT_SPLIT',
    message: /no part "validation"; it has train, test/,
  });
  t.throws(() => planText('-', { split: 'train' }, 'calibration'), {
    code: 'QL_TEXT_SPLIT',
    message: /two passes.*standard input comes once/,
  });
});
