import { join } from 'node:path';
import t from 'tap';
import { openCorpus, type CorpusOptions, type DatasetFile } from '../../src/corpus/index.js';
import { datasetFile, datasetGoldens, fixtureTokenizer, FORMAT_OF } from './dataset-fixtures.js';
import { letterTokenizer } from './letter-tokenizer.js';
import { collect, inPieces } from './streams.js';

const texts = async (source: string, options: CorpusOptions = {}, purpose: 'calibration' | 'evaluation' = 'calibration') =>
  (await collect((await openCorpus(source, letterTokenizer(), purpose, options)).examples())).map(({ text }) => text);

t.test('from the file to the tokens of the recipe, for every published schema', async (t) => {
  const { source, target, ids } = datasetGoldens;
  const tokenizer = await fixtureTokenizer('llama-2');
  for (const [file, format] of Object.entries(FORMAT_OF)) {
    const shape = { format, sourceTokens: source, targetTokens: target };
    const corpus = await openCorpus(datasetFile(file), tokenizer, 'calibration', { shape });
    const examples = await collect(corpus.examples());
    t.same(
      examples.map((example) => example.sample(5).ids),
      ids['llama-2']![file],
      file,
    );
    t.same(
      examples.map((example) => example.running().ids),
      ids['llama-2']![file],
      'a pair ends itself',
    );
  }
});

t.test('a dataset comes from the Hub, a part of its own or the part that the recipe sets aside', async (t) => {
  const many = Array.from({ length: 1030 }, (_, i) => JSON.stringify({ text: `<human>: ${i}\n<bot>: x` })).join('\n');
  const directory = t.testdir({ 'unified_chip2.jsonl': many });
  const asked: DatasetFile[] = [];
  const fetchDatasetFile = async (file: DatasetFile): Promise<string> => {
    asked.push(file);
    return file.repository === 'laion/OIG' ? join(directory, file.path) : datasetFile('wikitext2.parquet');
  };
  const trained = await texts('chip2', { fetchDatasetFile });
  const tested = await texts('chip2', { fetchDatasetFile }, 'evaluation');
  t.same([trained.length, tested.length], [6, 1024]);
  t.equal(new Set([...trained, ...tested]).size, 1030, 'no record is in both');
  t.equal(trained[0]!.split('\0').length, 2);
  const { wikitext2 } = datasetGoldens;
  t.same(await texts('wikitext2', { fetchDatasetFile }, 'evaluation'), [wikitext2], 'rows are one text');
  t.same(asked[0], { repository: 'laion/OIG', kind: 'dataset', revision: 'main', path: 'unified_chip2.jsonl' });
  t.equal(asked.at(-1)!.path, 'wikitext-2-raw-v1/test-00000-of-00001.parquet');
});

t.test('patterns, standard input, and what it holds', async (t) => {
  const directory = t.testdir({ 'b.jsonl': '{"text":"b"}', 'a.jsonl': '{"text":"a"}\n', 'c.txt': 'c', 'd.txt': 'd' });
  t.same(await texts(join(directory, '*.jsonl')), ['a', 'b']);
  t.same(await texts(join(directory, '*.txt')), ['c', 'd']);
  await t.rejects(texts(join(directory, '*')), { code: 'QL_TEXT_FORMAT', message: /2 \.txt files and 2 files of records/ });
  t.same(await texts('-', { stdin: inPieces('{"text":"x"}\n{"text":"y"}') }), ['x', 'y']);
  t.same(await texts('-', { stdin: inPieces('just text') }), ['just text']);
  await t.rejects(texts('-', { stdin: inPieces('just text'), shape: { format: 'alpaca' } }), {
    code: 'QL_TEXT_SHAPE',
    message: /Standard input is one text without records, so --format/,
  });
});

t.test("of files, the recipe's parts on request", async (t) => {
  const record = (i: number): string => JSON.stringify({ text: `${i}` });
  const many = (from: number, to: number): string => Array.from({ length: to - from }, (_, i) => record(from + i)).join('\n');
  const directory = t.testdir({ 'a.jsonl': many(0, 700), 'b.jsonl': many(700, 1100) });
  const part = (split: 'train' | 'test') => texts(join(directory, '*.jsonl'), { shape: { split } });
  const [trained, tested] = [await part('train'), await part('test')];
  t.same([trained.length, tested.length], [76, 1024]);
  t.equal(new Set([...trained, ...tested]).size, 1100);
});

t.test('names and files that are not there', async (t) => {
  await t.rejects(texts('alpacca'), { code: 'QL_DATASET_UNKNOWN', message: /Did you mean alpaca\?/ });
  await t.rejects(texts('alpaca'), { code: 'QL_DATASET_UNREACHABLE' });
  await t.rejects(texts('none.jsonl'), { code: 'QL_TEXT_MISSING' });
});

t.test('a whole source without text is refused', async (t) => {
  const directory = t.testdir({ 'a.jsonl': '{"text":""}\n{"chosen":""}', 'b.jsonl': '\n \n', 'c.txt': '\ufeff' });
  for (const [name, message] of [
    ['a.jsonl', /no record, or only empty ones/],
    ['b.jsonl', /no text/],
    ['c.txt', /no text/],
  ] as const)
    await t.rejects(texts(join(directory, name)), { code: 'QL_TEXT_EMPTY', message });
});
