import t from 'tap';
import { recipeSplit } from '../../../src/corpus/datasets/recipe-split.js';
import { datasetGoldens } from '../dataset-fixtures.js';

t.test("the test part is the first 1024 of numpy's permutation, the training part all others", async (t) => {
  const records = 52_002;
  const isTest = recipeSplit(records, 'test', 'alpaca');
  const isTrain = recipeSplit(records, 'train', 'alpaca');
  t.ok(datasetGoldens.permutation[`42/${records}`]!.first.every(isTest));
  let tested = 0;
  for (let i = 0; i < records; i++) {
    if (isTest(i)) tested++;
    if (isTest(i) === isTrain(i)) t.fail(`record ${i} is in both parts or in none`);
  }
  t.equal(tested, 1024);
});

t.test('too few records, and a part that the recipe has not, are refused', async (t) => {
  t.throws(() => recipeSplit(1024, 'train', 'a.jsonl'), {
    code: 'QL_TEXT_SPLIT',
    message: /a\.jsonl holds 1024 records.*sets 1024 aside.*--split/,
  });
  t.throws(() => recipeSplit(9999, 'validation', 'a.jsonl'), { code: 'QL_TEXT_SPLIT', message: /no part "validation".*train and test/ });
  const isTrain = recipeSplit(1025, 'train', 'a.jsonl');
  t.equal(Array.from({ length: 1025 }, (_, i) => i).filter(isTrain).length, 1);
});
