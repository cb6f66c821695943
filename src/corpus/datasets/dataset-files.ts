import { join } from 'node:path';
import type { TextFile } from '../bytes/text-file.js';
import { namedFileType } from '../bytes/text-file.js';
import { CorpusError } from '../errors.js';
import { nearestNames } from './nearest-names.js';
import { PUBLISHED_DATASETS, type PublishedDataset } from './published-datasets.js';
import type { DatasetSplit } from './recipe-split.js';

/** One file of a dataset on the Hub. */
export interface DatasetFile {
  readonly repository: string;
  readonly kind: 'dataset';
  readonly revision: string;
  readonly path: string;
}

/** Brings a file of a dataset to this machine, or finds it in the cache, and gives its path. */
export type FetchDatasetFile = (file: DatasetFile) => Promise<string>;

/**
 * Brings the files of one part of a dataset.
 *
 * @param fetch undefined where a program can't reach the Hub
 * @throws CorpusError QL_DATASET_UNREACHABLE without `fetch`; else the errors of `fetch`
 */
export const fetchDataset = async (
  { name, repository, revision, files }: PublishedDataset,
  split: DatasetSplit,
  fetch: FetchDatasetFile | undefined,
): Promise<TextFile[]> => {
  if (!fetch)
    throw new CorpusError(
      'QL_DATASET_UNREACHABLE',
      `${name} is a dataset on the Hub, which this program does not reach. Give files of it instead.`,
    );
  const found: TextFile[] = [];
  for (const path of files[split] ?? files.train ?? [])
    found.push({
      path: await fetch({ repository, kind: 'dataset', revision, path }),
      name: join(name, path),
      ...namedFileType(path),
    });
  return found;
};

/** The error for a source that is neither a file nor a known name; undefined for one that can only be meant as a file. */
export const unknownDataset = (source: string): CorpusError | undefined => {
  if (!/^\w[\w-]*(\/[\w.-]+)?$/.test(source)) return undefined;
  const names = PUBLISHED_DATASETS.map(({ name }) => name);
  const [nearest] = nearestNames(source.split('/').at(-1)!, names);
  const repository = PUBLISHED_DATASETS.find((dataset) => dataset.repository.toLowerCase() === source.toLowerCase())?.name;
  const meant = repository ?? nearest;
  return new CorpusError(
    'QL_DATASET_UNKNOWN',
    `${source}: there is no file and no dataset of this name.${meant === undefined ? '' : ` Did you mean ${meant}?`} The datasets are ${names.join(', ')}; any other is given as files (.txt, .jsonl, .json, .csv, .tsv or .parquet).`,
  );
};
