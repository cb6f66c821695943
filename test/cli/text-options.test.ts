import t from 'tap';
import { runCli } from '../../src/cli/index.js';
import { QuailoraError } from '../../src/foundation/index.js';
import type { CompareJob, EvaluateJob, InitializeJob } from '../../src/stages/index.js';
import { fakeContext } from './fake-context.js';

/** The job that a command line becomes; its arguments are separated by "|". */
const jobOf = async <Job>(name: 'initialize' | 'compare' | 'evaluate', line: string): Promise<Job> => {
  let job: Job | undefined;
  const { context, printed } = fakeContext({
    [name]: async (given: Job) => {
      job = given;
      throw new QuailoraError('QL_STOP', 'far enough');
    },
  });
  await runCli(line.split('|'), context);
  if (!job) throw new Error(`no job: ${printed().err}`);
  return job;
};

const init = (...options: string[]): string => ['init', 'M', '--output', 'O', '--calibration', ...options].join('|');

t.test('the shape of a text arrives in the job', async (t) => {
  const shape = async (...options: string[]) => (await jobOf<InitializeJob>('initialize', init(...options))).calibrationShape;
  t.equal(await shape('c.jsonl'), undefined);
  t.equal(await shape('alpaca'), undefined, 'a name says it all');
  t.same(await shape('c.csv', '--format', 'alpaca', '--source-tokens', '384', '--target-tokens', '128', '--split', 'train'), {
    format: 'alpaca',
    sourceTokens: 384,
    targetTokens: 128,
    split: 'train',
  });
  t.same(await shape('c.parquet', '--field', 'data.0.text'), { field: 'data.0.text' });
  t.same(await shape('-', '--template', 'Q: {q}\\nA: {a}', '--file-type', 'csv'), { template: 'Q: {q}\\nA: {a}', fileType: 'csv' });
  t.same(await shape('slimorca', '--chat-template'), { chatTemplate: true });
});

t.test('compare has the same options for its other text, under names of their own', async (t) => {
  const job = await jobOf<CompareJob>(
    'compare',
    'compare|M|--calibration|c.jsonl|--format|chat|--text|wikitext2|--text-split|validation|--text-format|text|--window|128',
  );
  t.match(job, { calibration: 'c.jsonl', calibrationShape: { format: 'chat' }, text: 'wikitext2', windowTokens: 128 });
  t.same(job.textShape, { split: 'validation', format: 'text' });
  const plain = await jobOf<CompareJob>('compare', 'compare|M|--calibration|c.jsonl|--format|chat|--text|t.jsonl');
  t.notOk('textShape' in plain, 'options of the calibration are not those of the text');
  const evaluated = await jobOf<EvaluateJob>('evaluate', 'evaluate|M|--text|t.jsonl|--field|body');
  t.same(evaluated.textShape, { field: 'body' });
});

t.test('options that exclude each other or do nothing are wrong usage', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [init('c.jsonl', '--format', 'alpacca'), /no format "alpacca"\. Did you mean "alpaca"\?/],
    [init('c.jsonl', '--format', 'alpaca', '--field', 'x'), /--format and --field exclude each other/],
    [init('c.txt', '--format', 'alpaca'), /c\.txt is one text without records/],
    [init('c.jsonl', '--source-tokens', '9'), /--source-tokens/],
    [init('c.jsonl', '--source-tokens', '0', '--format', 'alpaca'), /--source-tokens takes a whole number of at least 1/],
    [init('c.jsonl', '--split', 'dev'), /--split takes train, validation or test, not "dev"/],
    [init('c', '--file-type', 'xml'), /--file-type takes txt, jsonl/],
    [init('alpaca', '--split', 'validation'), /no part "validation"; it has train, test/],
    [
      init('alpaca', '--window', '512'),
      /Samples of the format alpaca are cut by --source-tokens \(1024\) and --target-tokens \(256\), so --window/,
    ],
    [init('c.jsonl', '--template', 'x'), /names no field/],
    ['compare|M|--calibration|-|--text|-', /both read standard input, which comes once/],
    ['compare|M|--calibration|c.jsonl|--text|t.txt|--text-field|x', /t\.txt is one text without records, so --text-field does/],
    ['evaluate|M|--text|t.jsonl|--split|validation|--text-split|x', /unknown option '--text-split'/],
  ];
  for (const [line, message] of cases) {
    const { context, printed } = fakeContext();
    t.equal(await runCli(line.split('|'), context), 2, line);
    t.match(printed().err, message);
    t.match(printed().err, /^QL_USAGE /);
  }
});

t.test('--window stays where it has a meaning', async (t) => {
  t.match(await jobOf<InitializeJob>('initialize', init('alpaca', '--tokens', '4096', '--window', '256')), { windowTokens: 256 });
  t.match(await jobOf<InitializeJob>('initialize', init('c4', '--window', '256')), { windowTokens: 256 });
  t.match(await jobOf<InitializeJob>('initialize', init('slimorca', '--chat-template', '--window', '256')), { windowTokens: 256 });
});
