import { join } from 'node:path';
import { random, readTextFile, writeFileAtomically, type Random } from '../../src/foundation/index.js';
import type { DatasetName } from './config.js';

/** A passage cut at a word: what comes first, and what follows. */
interface Passage {
  readonly first: string;
  readonly rest: string;
}

type Fields = Readonly<Record<string, string>>;

/** Words of a passage; with the tokenizers of the micro models its first half and its rest take about 50 tokens each. */
const PASSAGE_WORDS = 44;

/** A task on a passage: the instruction, what it is about and the answer. */
interface Task {
  readonly instruction: string;
  readonly input: string;
  readonly output: string;
}

const words = (text: string): string[] => text.split(/\s+/u).filter(Boolean);

/** Cuts the text of one record into passages; a rest of fewer than half the words is dropped. */
const cutPassages = (text: string): Passage[] => {
  const all = words(text);
  const passages: Passage[] = [];
  for (let start = 0; start + PASSAGE_WORDS / 2 <= all.length; start += PASSAGE_WORDS) {
    const part = all.slice(start, start + PASSAGE_WORDS);
    const middle = Math.ceil(part.length / 2);
    passages.push({ first: part.slice(0, middle).join(' '), rest: part.slice(middle).join(' ') });
  }
  return passages;
};

/** Tasks whose answers follow from the passage, and one that continues it; none was seen in training. */
const TASKS: readonly ((passage: Passage) => Task)[] = [
  ({ first, rest }) => ({ instruction: 'Continue the passage.', input: first, output: rest }),
  ({ first }) => ({ instruction: 'Repeat the passage.', input: first, output: first }),
  ({ first }) => ({ instruction: 'Write the passage in capital letters.', input: first, output: first.toUpperCase() }),
  ({ first }) => ({ instruction: 'Write the words in reverse order.', input: first, output: words(first).reverse().join(' ') }),
];

/** How each dataset publishes a task; the fields are those of the datasets of the same names. */
const RECORDS: Readonly<Record<DatasetName, (task: Task) => Fields>> = {
  alpaca: ({ instruction, input, output }) => ({ instruction, input, output }),
  chip2: ({ instruction, input, output }) => ({ text: `<human>: ${instruction} ${input}\n<bot>: ${output}` }),
  'self-instruct': ({ instruction, input, output }) => ({ prompt: `${instruction}\nInput: ${input}\nOutput:`, completion: ` ${output}` }),
  'hh-rlhf': ({ instruction, input, output }) => {
    const start = `\n\nHuman: ${instruction} ${input}\n\nAssistant: `;
    return { chosen: `${start}${output}`, rejected: `${start}I will not.` };
  },
};

const shuffle = <T>(items: T[], { below }: Random): T[] => {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
};

const readTexts = async (path: string): Promise<string[]> =>
  (await readTextFile(path))
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { readonly text: string }).text);

const miniatures = (texts: readonly string[], seed: number): Task[] => {
  const draw = random(seed);
  const tasks = texts.flatMap(cutPassages).map((passage) => TASKS[draw.below(TASKS.length)]!(passage));
  return shuffle(tasks, draw);
};

/**
 * Writes the miniature of one dataset: `train.jsonl` from one file of texts, `validation.jsonl` from another.
 *
 * The records have the published schema. They are made from texts that the micro models never saw, of tasks that they were
 * not trained for; the same seed gives the same bytes.
 *
 * @param train .jsonl with a field `text`
 */
export const writeMiniature = async (
  dataset: DatasetName,
  { train, validation }: { readonly train: string; readonly validation: string },
  directory: string,
  seed: number,
): Promise<void> => {
  for (const [part, source] of [['train', train] as const, ['validation', validation] as const]) {
    const tasks = miniatures(await readTexts(source), seed);
    const lines = tasks.map((task) => `${JSON.stringify(RECORDS[dataset](task))}\n`);
    await writeFileAtomically(join(directory, `${part}.jsonl`), lines.join(''));
  }
};
