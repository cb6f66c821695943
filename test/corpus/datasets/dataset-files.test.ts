import t from 'tap';
import { fetchDataset, unknownDataset, type DatasetFile } from '../../../src/corpus/datasets/dataset-files.js';
import { findDataset, PUBLISHED_DATASETS } from '../../../src/corpus/datasets/published-datasets.js';
import { FORMAT_NAMES } from '../../../src/corpus/formats/find-format.js';

t.test('every dataset has a training part, a part to evaluate on, a format, and files whose names tell their type', async (t) => {
  for (const dataset of PUBLISHED_DATASETS) {
    t.ok(FORMAT_NAMES.includes(dataset.format), dataset.name);
    t.ok(dataset.evaluated === 'test' || dataset.files[dataset.evaluated] !== undefined);
    const asked: DatasetFile[] = [];
    for (const part of ['train', dataset.evaluated] as const) {
      const files = await fetchDataset(dataset, part, async (file) => {
        asked.push(file);
        return `/cache/${file.path}`;
      });
      for (const { path, name, type } of files) {
        t.ok(type !== undefined && path!.startsWith('/cache/') && name.startsWith(`${dataset.name}/`), name);
      }
      t.ok(files.length > 0);
    }
    t.ok(asked.every(({ repository, revision }) => /^[\w-]+\/[\w-]+$/.test(repository) && revision !== ''));
  }
});

t.test('without the Hub a name is refused', async (t) => {
  await t.rejects(fetchDataset(findDataset('alpaca')!, 'train', undefined), { code: 'QL_DATASET_UNREACHABLE' });
});

t.test('a dataset goes by its name or by the id of its repository', async (t) => {
  for (const dataset of PUBLISHED_DATASETS)
    for (const source of [dataset.name, dataset.repository]) t.equal(findDataset(source), dataset, source);
  t.equal(findDataset('tatsu-lab/Alpaca'), undefined);
});

t.test('a name that is none is told the nearest one', async (t) => {
  for (const [typed, message] of [
    ['alpacca', /alpacca: there is no file and no dataset of this name\. Did you mean alpaca\? The datasets are alpaca, chip2/],
    ['tatsu-lab/alpaca', /Did you mean alpaca\?/],
    ['Salesforce/wikitext', /Did you mean wikitext2\?/],
    ['laion/OIG', /Did you mean chip2\?/],
    ['pile', /no dataset of this name\. The datasets are/],
  ] as const)
    t.match(unknownDataset(typed), { code: 'QL_DATASET_UNKNOWN', message }, typed);
  for (const path of ['-', 'a.txt', './alpaca', 'a/b/c', '/x', '*.jsonl', 'x y']) t.equal(unknownDataset(path), undefined, path);
});
