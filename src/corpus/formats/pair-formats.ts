import type { RecordFields } from './record-fields.js';
import type { RecordFormat } from './record-format.js';

interface Pair {
  readonly input: string;
  readonly output: string;
}

const pairFormat = (name: string, required: readonly string[], read: (record: RecordFields) => Pair, optional: readonly string[] = []) =>
  ({
    name,
    kind: 'pair',
    required,
    fields: [...required, ...optional],
    read: (record) => ({ kind: 'pair', ...read(record) }),
  }) satisfies RecordFormat;

const BELOW = 'Below is an instruction that describes a task';
const WRITE = 'Write a response that appropriately completes the request.';

/** The prompt of Stanford Alpaca (train.py); it ends with a space, as the QLoRA recipe has it. */
const alpacaPrompt = (instruction: string, input: string): string =>
  input === ''
    ? `${BELOW}. ${WRITE}\n\n### Instruction:\n${instruction}\n\n### Response: `
    : `${BELOW}, paired with an input that provides further context. ${WRITE}\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response: `;

const BOT = '\n<bot>: ';

/**
 * Records that the QLoRA recipe reads (artidoro/qlora, `qlora.py`), each becoming what is asked and what is answered.
 *
 * | format | input | output |
 * |---|---|---|
 * | `alpaca` | Alpaca's prompt of `instruction` and, unless empty, `input` | `output` |
 * | `chip2` | `text` up to the first "\n<bot>: ", without "<human>: " | what follows, up to the next "\n<bot>: " |
 * | `self-instruct`, `prompt-completion` | `prompt` | `completion` |
 * | `hh-rlhf` | empty | `chosen`, the whole transcript |
 * | `oasst1` | empty | `text`, the whole conversation |
 * | `input-output` | `input` | `output` |
 */
export const PAIR_FORMATS: readonly RecordFormat[] = [
  pairFormat(
    'alpaca',
    ['instruction', 'output'],
    (record) => ({ input: alpacaPrompt(record.text('instruction'), record.optionalText('input') ?? ''), output: record.text('output') }),
    ['input'],
  ),
  pairFormat('chip2', ['text'], (record) => {
    const [asked, answered] = record.text('text').split(BOT);
    if (asked === undefined || answered === undefined)
      throw record.wrong(
        `: the field "text" has no line that begins with "<bot>: ", which chip2's records do. Pass another --format, or --field text.`,
      );
    return { input: asked.replaceAll('<human>: ', ''), output: answered };
  }),
  pairFormat('self-instruct', ['prompt', 'completion'], (record) => ({ input: record.text('prompt'), output: record.text('completion') })),
  pairFormat('hh-rlhf', ['chosen'], (record) => ({ input: '', output: record.text('chosen') })),
  pairFormat('oasst1', ['text'], (record) => ({ input: '', output: record.text('text') })),
  pairFormat('input-output', ['input', 'output'], (record) => ({ input: record.text('input'), output: record.text('output') })),
  pairFormat('prompt-completion', ['prompt', 'completion'], (record) => ({
    input: record.text('prompt'),
    output: record.text('completion'),
  })),
];
