import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadTokenizer, type Tokenizer } from '../../src/corpus/index.js';

const fixtures = new URL('../../../test/fixtures/', import.meta.url);

/** Path of a micro-file. */
export const datasetFile = (name: string): string => fileURLToPath(new URL(`datasets/${name}`, fixtures));

/** What make-datasets.py wrote down beside the micro-files. */
export interface DatasetGoldens {
  readonly source: number;
  readonly target: number;
  readonly pairs: Readonly<Record<string, readonly (readonly [input: string, output: string])[]>>;
  readonly ids: Readonly<Record<string, Readonly<Record<string, readonly (readonly number[])[]>>>>;
  readonly conversations: readonly (readonly [input: string, output: string])[];
  readonly chat: Readonly<
    Record<string, { readonly template: string; readonly records: readonly { readonly text: string; readonly ids: readonly number[] }[] }>
  >;
  readonly wikitext2: string;
  readonly permutation: Readonly<Record<string, { readonly sha256: string; readonly first: readonly number[] }>>;
}

/** The goldens of the micro-files. */
export const datasetGoldens = JSON.parse(readFileSync(datasetFile('goldens.json'), 'utf8')) as DatasetGoldens;

/** A tokenizer that the goldens were made with. */
export const fixtureTokenizer = (style: string): Promise<Tokenizer> =>
  loadTokenizer(fileURLToPath(new URL(`tokenizer/${style}`, fixtures)));

/** The `--format` of each micro-file with pairs. */
export const FORMAT_OF: Readonly<Record<string, string>> = {
  'alpaca.parquet': 'alpaca',
  'alpaca.json': 'alpaca',
  'chip2.jsonl': 'chip2',
  'self-instruct.parquet': 'self-instruct',
  'prompt-completion.csv': 'prompt-completion',
  'prompt-completion.tsv': 'self-instruct',
  'input-output.jsonl.zst': 'input-output',
  'hh-rlhf.jsonl.gz': 'hh-rlhf',
  'oasst1.jsonl': 'oasst1',
};
