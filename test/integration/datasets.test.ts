import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastValueFrom } from 'rxjs';
import t from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { verify } from '../../pipelines/verify.js';
import { random } from '../../src/foundation/index.js';
import { readReport } from '../../src/reports/index.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const place = await makeTinyWorkplace(t.testdir());

/** Records of words in the tiny tokenizer's letters; every fifth says what the first says. */
const made = Array.from({ length: 60 }, (_, i) => {
  const stream = random(i % 5 === 4 ? 0 : i);
  const words = (count: number): string =>
    Array.from({ length: count }, () => String.fromCharCode(...Array.from({ length: 4 }, () => 97 + stream.below(26)))).join(' ');
  return { prompt: words(4), completion: words(6) };
});
const csv = join(place.output('.'), 'pairs.csv');
await writeFile(csv, `prompt,completion\n${made.map(({ prompt, completion }) => `${prompt},${completion}\n`).join('')}`);

/** Runs quailora in a process of its own, with standard input. */
const run = (
  args: readonly string[],
  input?: string,
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], (error, stdout, stderr) =>
      resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end(input);
  });

t.test('pairs of a .csv file: the report says how they were read, and verify reads them so again', async (t) => {
  const calibrationShape = { format: 'prompt-completion', sourceTokens: 12, targetTokens: 20 };
  const job = tinyJob(place, 'pairs', { calibration: csv, calibrationShape, budget: { kind: 'samples', samples: 20 }, writeBase: false });
  await lastValueFrom(initialize(job));
  const report = await readReport(join(place.output('pairs'), 'report.json'));
  t.match(report.calibration, { source: csv, shape: calibrationShape, records: { read: 60, empty: 0 } });
  t.ok(report.calibration.records.repeated > 0, 'some of the repeated records were drawn to be held out');
  t.equal(report.calibrationTokens, 20 * 32, 'each pair is cut to 12 + 20 tokens');
  t.equal(report.heldOutTokens, (5 - report.calibration.records.repeated) * 32);
  const verified = await lastValueFrom(verify({ directory: place.output('pairs'), calibration: csv, workers: 1 }));
  t.match(verified, { result: { passed: true, weighting: 'calibration', failures: [] } });
});

t.test('standard input gives what the file gives', async (t) => {
  const evaluate = async (source: string, ...options: string[]) => {
    const input = source === '-' ? readFileSync(csv, 'utf8') : '';
    const shape = ['--format', 'self-instruct', '--target-tokens', '20', ...options];
    const ended = await run(['evaluate', place.model, '--text', source, ...shape, '--window', '32', '--json'], input);
    t.equal(ended.exitCode, 0, ended.stderr);
    const result = JSON.parse(ended.stdout.trimEnd().split('\n').at(-1)!) as { tokens: number; perplexity: number };
    return [result.tokens, result.perplexity];
  };
  const [tokens, perplexity] = await evaluate(csv);
  t.ok(tokens! > 1000);
  t.same(await evaluate('-', '--file-type', 'csv'), [tokens, perplexity]);
});

t.test('mistakes of real life end with a message that says what was found and what to do', async (t) => {
  const chat = join(place.output('.'), 'chat.jsonl');
  await writeFile(
    chat,
    `${JSON.stringify({
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'ho' },
      ],
    })}\n`,
  );
  const init = (source: string, ...options: string[]): Promise<{ exitCode: number; stderr: string }> =>
    run(['init', place.model, '--output', place.output('wrong'), '--calibration', source, ...options, '--samples', '2', '--workers', '1']);
  const cases: readonly (readonly [what: string, args: readonly [string, ...string[]], message: RegExp])[] = [
    [
      'a misspelt dataset',
      ['alpacca'],
      /^QL_DATASET_UNKNOWN alpacca: there is no file and no dataset of this name\. Did you mean alpaca\? The datasets are/,
    ],
    [
      'a wrong field',
      [csv, '--field', 'promt'],
      /^QL_TEXT_FIELD pairs\.csv, line 2: there is no "promt" \(--field\); .*Did you mean "prompt"\?/,
    ],
    [
      'a wrong format',
      [csv, '--format', 'alpaca'],
      /^QL_TEXT_FIELD pairs\.csv, line 2: the field "instruction" is missing; the record has "prompt", "completion"/,
    ],
    [
      'a chat file',
      [chat],
      /^QL_TEXT_FIELD chat\.jsonl, line 1 has the fields "messages"; .* is a conversation: pass --chat-template .*--format chat for a base model/,
    ],
    ['a chat template of a base model', [chat, '--chat-template'], /^QL_CHAT_TEMPLATE This checkpoint has no chat template.*base model/],
    ['an unknown file type', [join(place.model, 'model.bin')], /^QL_TEXT_FORMAT .*--file-type/],
  ];
  for (const [what, args, message] of cases) {
    const { exitCode, stderr } = await init(...args);
    t.equal(exitCode, 1, what);
    t.match(stderr, message, what);
    t.equal(stderr.trimEnd().split('\n').length, 1, 'one line');
  }
});

t.test('equal options give equal bytes, whatever the records are read from', async (t) => {
  const jsonl = join(place.output('.'), 'pairs.jsonl');
  await writeFile(jsonl, made.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const job = (name: string, calibration: string) =>
    tinyJob(place, name, {
      calibration,
      calibrationShape: { format: 'self-instruct' },
      budget: { kind: 'tokens', tokens: 640 },
      writeBase: false,
    });
  await lastValueFrom(initialize(job('from-csv', csv)));
  await lastValueFrom(initialize(job('from-jsonl', jsonl)));
  const bytes = (name: string) => readFile(join(place.output(name), 'adapter/adapter_model.safetensors'));
  t.ok((await bytes('from-csv')).equals(await bytes('from-jsonl')));
});
