import t from 'tap';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATASETS, type DatasetName } from '../../../pipelines/reproduce/config.js';
import { writeMiniature } from '../../../pipelines/reproduce/write-miniatures.js';

const TEXTS = { train: 'data/embedded/calibration.jsonl', validation: 'data/embedded/held-out.jsonl' };

const FIELDS: Readonly<Record<DatasetName, readonly string[]>> = {
  alpaca: ['instruction', 'input', 'output'],
  chip2: ['text'],
  'self-instruct': ['prompt', 'completion'],
  'hh-rlhf': ['chosen', 'rejected'],
};

const recordsOf = (path: string): Record<string, string>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);

t.test('each dataset has its published fields, and the same tasks as the others', async (t) => {
  const counts = new Set<number>();
  for (const name of DATASETS) {
    const directory = t.testdir();
    await writeMiniature(name, TEXTS, directory, 0);
    const records = recordsOf(join(directory, 'train.jsonl'));
    counts.add(records.length);
    for (const record of records) if (String(Object.keys(record)) !== String(FIELDS[name])) t.fail(`${name}: ${JSON.stringify(record)}`);
    if (name === 'chip2') t.match(records[0]!['text'], /^<human>: .+\n<bot>: .+/s);
    if (name === 'hh-rlhf') t.match(records[0]!['chosen'], /^\n\nHuman: .+\n\nAssistant: .+/s);
  }
  t.equal(counts.size, 1);
});

t.test('answers are what the instructions ask for', async (t) => {
  const directory = t.testdir();
  await writeMiniature('alpaca', TEXTS, directory, 0);
  const seen = new Set<string>();
  for (const { instruction, input, output } of recordsOf(join(directory, 'train.jsonl'))) {
    seen.add(instruction!);
    const expected: Readonly<Record<string, string>> = {
      'Repeat the passage.': input!,
      'Write the passage in capital letters.': input!.toUpperCase(),
      'Write the words in reverse order.': input!.split(' ').reverse().join(' '),
    };
    const answer = expected[instruction!];
    if (answer !== undefined && answer !== output) t.fail(`${instruction!} ${input!} → ${output!}`);
  }
  t.equal(seen.size, 4, 'three of them, and one that goes on');
});

t.test('a seed fixes the bytes, and no passage is in both parts', async (t) => {
  const directory = t.testdir();
  const part = (seed: string, name: string): string => readFileSync(join(directory, seed, `${name}.jsonl`), 'utf8');
  for (const [place, seed] of [
    ['a', 0],
    ['b', 0],
    ['c', 1],
  ] as const) {
    mkdirSync(join(directory, place));
    await writeMiniature('alpaca', TEXTS, join(directory, place), seed);
  }
  t.equal(part('a', 'train'), part('b', 'train'));
  t.not(part('a', 'train'), part('c', 'train'));
  const inputs = (name: string): string[] => recordsOf(join(directory, 'a', `${name}.jsonl`)).map(({ input }) => input!);
  const trained = new Set(inputs('train'));
  t.same(
    inputs('validation').filter((input) => trained.has(input)),
    [],
  );
});
