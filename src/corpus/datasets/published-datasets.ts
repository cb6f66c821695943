import type { DatasetSplit } from './recipe-split.js';

/** A dataset on the Hugging Face Hub that `--calibration` and `--text` take by name. */
export interface PublishedDataset {
  readonly name: string;
  readonly repository: string;
  /** Branch of the repository. */
  readonly revision: string;
  /** Name of its record format. */
  readonly format: string;
  /** Paths of each part's files. */
  readonly files: Readonly<Partial<Record<DatasetSplit, readonly string[]>>>;
  /** Part that `--text` takes. A test part without files is the QLoRA recipe's own part of `train`. */
  readonly evaluated: DatasetSplit;
}

const HH_RLHF_FOLDERS = ['harmless-base', 'helpful-base', 'helpful-online', 'helpful-rejection-sampled'] as const;

const ofFolders = (split: string): string[] => HH_RLHF_FOLDERS.map((folder) => `${folder}/${split}.jsonl.gz`);

const wikitext = (split: string): string[] => [`wikitext-2-raw-v1/${split}-00000-of-00001.parquet`];

/** Datasets by name, each with where its records lie; a new one is one more entry. */
export const PUBLISHED_DATASETS: readonly PublishedDataset[] = [
  {
    ...{ name: 'alpaca', repository: 'tatsu-lab/alpaca', revision: 'main', format: 'alpaca', evaluated: 'test' },
    files: { train: ['data/train-00000-of-00001-a09b74b3ef9c3b56.parquet'] },
  },
  {
    ...{ name: 'chip2', repository: 'laion/OIG', revision: 'main', format: 'chip2', evaluated: 'test' },
    files: { train: ['unified_chip2.jsonl'] },
  },
  {
    // The repository holds a loading script; the Hub keeps what it gives as Parquet.
    ...{
      name: 'self-instruct',
      repository: 'yizhongw/self_instruct',
      revision: 'refs/convert/parquet',
      format: 'self-instruct',
      evaluated: 'test',
    },
    files: { train: ['self_instruct/train/0000.parquet'] },
  },
  {
    ...{ name: 'hh-rlhf', repository: 'Anthropic/hh-rlhf', revision: 'main', format: 'hh-rlhf', evaluated: 'test' },
    files: { train: ofFolders('train'), test: ofFolders('test') },
  },
  {
    ...{ name: 'slimorca', repository: 'Open-Orca/SlimOrca', revision: 'main', format: 'slimorca', evaluated: 'test' },
    files: { train: ['oo-labeled_correct.gpt4.sharegpt.jsonl'] },
  },
  {
    ...{ name: 'oasst1', repository: 'timdettmers/openassistant-guanaco', revision: 'main', format: 'oasst1', evaluated: 'test' },
    files: { train: ['openassistant_best_replies_train.jsonl'], test: ['openassistant_best_replies_eval.jsonl'] },
  },
  {
    ...{ name: 'wikitext2', repository: 'Salesforce/wikitext', revision: 'main', format: 'wikitext2', evaluated: 'test' },
    files: { train: wikitext('train'), validation: wikitext('validation'), test: wikitext('test') },
  },
  {
    ...{ name: 'c4', repository: 'allenai/c4', revision: 'main', format: 'text', evaluated: 'validation' },
    files: { train: ['en/c4-train.00000-of-01024.json.gz'], validation: ['en/c4-validation.00000-of-00008.json.gz'] },
  },
];

/** Finds a dataset by its name or its repository's id; undefined where there is none. */
export const findDataset = (source: string): PublishedDataset | undefined =>
  PUBLISHED_DATASETS.find(({ name, repository }) => name === source || repository === source);
