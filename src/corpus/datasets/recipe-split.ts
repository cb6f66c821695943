import { CorpusError } from '../errors.js';
import { numpyPermutation } from './numpy-permutation.js';

/** Part of a dataset. */
export type DatasetSplit = 'train' | 'validation' | 'test';

/** Parts that a dataset may have. */
export const SPLITS = ['train', 'validation', 'test'] as const satisfies readonly DatasetSplit[];

/** Records that the QLoRA recipe sets aside for evaluation (`eval_dataset_size`), and the seed it shuffles with. */
const RECIPE_SPLIT = { testRecords: 1024, seed: 42 } as const;

/**
 * Tells which records of a dataset without splits of its own belong to a part, as the QLoRA recipe divides it:
 * `train_test_split(test_size=1024, shuffle=True, seed=42)` of Hugging Face datasets, whose test part is the first 1024
 * numbers of NumPy's permutation.
 *
 * @returns whether the n-th record, from 0, belongs to the part
 * @throws CorpusError QL_TEXT_SPLIT where there are too few records, or the part is `validation`
 *
 * Cost: a second or so a million records, once; 5 bytes a record.
 */
export const recipeSplit = (records: number, split: DatasetSplit, source: string): ((index: number) => boolean) => {
  const { testRecords, seed } = RECIPE_SPLIT;
  if (split === 'validation')
    throw new CorpusError('QL_TEXT_SPLIT', `${source} has no part "validation": its records are divided into train and test.`);
  if (records <= testRecords)
    throw new CorpusError(
      'QL_TEXT_SPLIT',
      `${source} holds ${records} records; the QLoRA recipe sets ${testRecords} aside for its test part, so there have to be more. Leave --split out to use all of them.`,
    );
  const isTest = new Uint8Array(records);
  for (const index of numpyPermutation(seed, records).subarray(0, testRecords)) isTest[index] = 1;
  return (index) => (isTest[index] === 1) === (split === 'test');
};
