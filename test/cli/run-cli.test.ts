import t from 'tap';
import { runCli } from '../../src/cli/index.js';
import type { InitializationReport, ProgressEvent } from '../../src/reports/index.js';
import { QuailoraError } from '../../src/foundation/index.js';
import type { CompareJob, EvaluateJob, InitializeJob, PlanJob, RefitJob, VerifyJob } from '../../src/stages/index.js';
import { sampleReport } from '../reports/sample-report.js';
import { fakeContext, sourceOf } from './fake-context.js';

const result: ProgressEvent<InitializationReport> = { type: 'result', result: sampleReport() };

/** The job that a command line becomes. */
const jobOf = async <Job>(name: 'initialize' | 'plan' | 'refit' | 'compare' | 'evaluate' | 'verify', args: string): Promise<Job> => {
  let job: Job | undefined;
  const { context, printed } = fakeContext({
    [name]: async (given: Job) => {
      job = given;
      throw new QuailoraError('QL_STOP', 'far enough');
    },
  });
  await runCli(args.split(' '), context);
  if (!job) throw new Error(`no job: ${printed().err}`);
  return job;
};

const withoutSignal = <Job extends { readonly signal?: AbortSignal; readonly hub?: unknown }>({
  signal,
  hub,
  ...job
}: Job): Omit<Job, 'signal' | 'hub'> => {
  if (!(signal instanceof AbortSignal)) throw new Error('a job must carry a signal');
  if (typeof hub !== 'function') throw new Error('a job must tell where the Hub is');
  return job;
};

t.test("init's defaults are the paper's", async (t) => {
  t.same(withoutSignal(await jobOf<InitializeJob>('initialize', 'init M --calibration c.txt --output O')), {
    model: 'M',
    calibration: 'c.txt',
    output: 'O',
    budget: { kind: 'samples', samples: 2000 },
    windowTokens: 512,
    heldOutFraction: 0.1,
    seed: 0,
    arithmetic: 'auto',
    bits: 4,
    rank: 64,
    alpha: 16,
    rslora: false,
    alsSteps: 20,
    loftqSteps: 5,
    balance: true,
    modules: 'all-linear',
    initializer: 'exact',
    writeBase: false,
    fresh: false,
  });
});

t.test('refit takes over what is not typed, and every option arrives', async (t) => {
  t.same(withoutSignal(await jobOf<RefitJob>('refit', 'refit D --output O')), {
    directory: 'D',
    output: 'O',
    writeBase: false,
    fresh: false,
  });
  const line =
    'refit D --output O --model M --bits 8 --rank 16 --alpha 32 --no-rslora --initializer als --als-steps 7 --loftq-steps 3 --no-balance' +
    ' --modules q_proj,v_proj --no-experts --seed 5 --workers 3 --base-name B --write-base --fresh --prefetch';
  t.same(withoutSignal(await jobOf<RefitJob>('refit', line)), {
    ...{
      directory: 'D',
      output: 'O',
      model: 'M',
      bits: 8,
      rank: 16,
      alpha: 32,
      rslora: false,
      initializer: 'als',
      alsSteps: 7,
      loftqSteps: 3,
    },
    ...{
      balance: false,
      modules: ['q_proj', 'v_proj'],
      experts: false,
      seed: 5,
      workers: 3,
      baseName: 'B',
      writeBase: true,
      fresh: true,
    },
    prefetch: true,
  });
  t.match(await jobOf<RefitJob>('refit', 'refit D --output O --rslora --balance --experts'), {
    rslora: true,
    balance: true,
    experts: true,
  });
});

t.test('which statistics are kept', async (t) => {
  const line = 'init M --calibration c.txt --output O';
  t.equal((await jobOf<InitializeJob>('initialize', `${line} --keep-statistics`)).keepStatistics, 'used');
  t.equal((await jobOf<InitializeJob>('initialize', `${line} --keep-statistics=all-h`)).keepStatistics, 'all-h');
  const { context, printed } = fakeContext();
  t.equal(await runCli([...line.split(' '), '--keep-statistics=some'], context), 2);
  t.match(printed().err, /--keep-statistics takes used or all-h, not "some"/);
});

t.test('every option of init arrives', async (t) => {
  const line =
    'init M --calibration c.jsonl --output O --bits 8 --rank 16 --alpha 128.5 --rslora --initializer als --als-steps 7 --loftq-steps 3' +
    ' --no-balance --modules q_proj,v_proj --tokens 65536 --window 256 --held-out 0.25 --seed 4294967295 --arithmetic int8-split --write-base' +
    ' --base-name org/name --workers 2 --fresh --checkpoint-seconds 5 --json --revision v1.0 --discard-shards --max-memory 6.5GiB --scratch /big';
  t.same(withoutSignal(await jobOf<InitializeJob>('initialize', line)), {
    model: 'M',
    calibration: 'c.jsonl',
    output: 'O',
    budget: { kind: 'tokens', tokens: 65536 },
    windowTokens: 256,
    heldOutFraction: 0.25,
    seed: 4294967295,
    arithmetic: 'int8-split',
    bits: 8,
    rank: 16,
    alpha: 128.5,
    rslora: true,
    alsSteps: 7,
    loftqSteps: 3,
    balance: false,
    modules: ['q_proj', 'v_proj'],
    initializer: 'als',
    writeBase: true,
    baseName: 'org/name',
    revision: 'v1.0',
    discardShards: true,
    maxMemoryBytes: 6.5 * 2 ** 30,
    scratch: '/big',
    workers: 2,
    fresh: true,
    checkpointSeconds: 5,
  });
});

t.test('plan takes the options of init, text and output left open', async (t) => {
  const { output, calibration, fresh, ...same } = withoutSignal(
    await jobOf<InitializeJob>('initialize', 'init M --calibration c.txt --output O'),
  );
  t.same([output, calibration, fresh], ['O', 'c.txt', false]);
  t.same(withoutSignal(await jobOf<PlanJob>('plan', 'plan M')), same);
  const line =
    'plan M --calibration c.jsonl --output O --rank 16 --write-base --experts --workers 2 --max-memory 8GB --scratch /big --tokens 4096';
  t.match(await jobOf<PlanJob>('plan', line), {
    ...{ calibration: 'c.jsonl', output: 'O', rank: 16, writeBase: true, experts: true, workers: 2, maxMemoryBytes: 8e9, scratch: '/big' },
    budget: { kind: 'tokens', tokens: 4096 },
  });
});

t.test('options about a text that is not given are refused', async (t) => {
  const { context, printed } = fakeContext();
  t.equal(await runCli('plan M --format alpaca'.split(' '), context), 2);
  t.match(printed().err, /QL_USAGE.*--calibration/);
});

t.test('where the Hub is comes from the environment, when it is asked', async (t) => {
  const environment = { HF_ENDPOINT: 'https://hub.example', HF_HUB_CACHE: '/cache', HF_TOKEN: 'secret', HF_HUB_OFFLINE: '1' };
  const hub = { endpoint: 'https://hub.example', cacheDirectory: '/cache', token: 'secret', offline: true };
  const given: unknown[] = [];
  const keep = async ({ hub, ...job }: { readonly hub?: () => object }): Promise<never> => {
    given.push({ ...job, hub: hub?.() });
    throw new QuailoraError('QL_STOP', 'far enough');
  };
  const { context } = fakeContext({ initialize: keep, compare: keep, evaluate: keep, verify: keep }, false, environment);
  const last = async (line: string): Promise<unknown> => {
    await runCli(line.split(' '), context);
    return given.pop();
  };
  t.match(await last('init org/name --calibration c --output O --prefetch'), { model: 'org/name', prefetch: true, hub });
  t.match(await last('compare org/name --calibration c --text t --revision r'), { revision: 'r', hub });
  t.match(await last('evaluate org/name --text t --discard-shards'), { discardShards: true, hub });
  t.match(await last('verify D --discard-shards'), { discardShards: true, hub });
  const broken = fakeContext({ evaluate: async () => sourceOf([]) }, false, { HF_ENDPOINT: 'no address' });
  await runCli('evaluate M --text t'.split(' '), broken.context);
  t.notMatch(broken.printed().err, /HF_ENDPOINT/, 'a run that needs no Hub is not stopped by its variables');
});

t.test('--tokens auto is for init, with held-out text and without another number', async (t) => {
  const job = await jobOf<InitializeJob>('initialize', 'init M --calibration c.txt --output O --tokens auto --window 128');
  t.match(job, { budget: { kind: 'auto' }, windowTokens: 128, heldOutFraction: 0.1 });
  const refused = async (line: string): Promise<string> => {
    const { context, printed } = fakeContext({});
    t.equal(await runCli(line.split(' '), context), 2, line);
    return printed().err;
  };
  const init = 'init M --calibration c.txt --output O --tokens';
  t.match(await refused(`${init} auto --samples 20`), /--samples and --tokens exclude each other/);
  t.match(await refused(`${init} auto --held-out 0`), /--held-out can not be 0/);
  t.match(await refused(`${init} automatic`), /--tokens takes auto or a whole number of at least 2, not "automatic"/);
  t.match(await refused('compare M --calibration c.txt --text t.txt --tokens auto'), /compare tries all of them/);
});

t.test('the other commands become their jobs', async (t) => {
  const compared = await jobOf<CompareJob>('compare', 'compare M --calibration c.txt --text t.txt --samples 10 --rank 4');
  t.match(compared, { model: 'M', text: 't.txt', budget: { kind: 'samples', samples: 10 }, rank: 4, bits: 4 });
  t.same(withoutSignal(await jobOf<EvaluateJob>('evaluate', 'evaluate M --text t.txt')), { model: 'M', text: 't.txt', windowTokens: 512 });
  t.same(
    withoutSignal(
      await jobOf<EvaluateJob>('evaluate', 'evaluate M --text t.txt --bits 8 --adapter A --window 128 --tokens 4096 --logprobs l.arrow'),
    ),
    { model: 'M', text: 't.txt', bits: 8, adapter: 'A', windowTokens: 128, tokens: 4096, logprobs: 'l.arrow' },
  );
  t.same(withoutSignal(await jobOf<VerifyJob>('verify', 'verify D --model M --calibration c.txt')), {
    directory: 'D',
    model: 'M',
    calibration: 'c.txt',
  });
});

t.test('wrong usage ends with code 2 and names the option', async (t) => {
  const init = 'init M --calibration c --output O';
  const cases: readonly (readonly [string, RegExp])[] = [
    [`${init} --rank 0`, /^QL_USAGE --rank takes a whole number from 1 to 65536, not "0"\.\n$/],
    [`${init} --rank 8.5`, /--rank/],
    [`${init} --rank 1e2`, /--rank/],
    [`${init} --alpha 0`, /--alpha takes a number above 0, not "0"/],
    [`${init} --alpha Infinity`, /--alpha/],
    [`${init} --bits 3`, /--bits takes 4 or 8, not "3"/],
    [`${init} --initializer best`, /--initializer takes exact, als, svd, loftq or zero, not "best"/],
    [`${init} --held-out 1.5`, /--held-out takes a number from 0 to 1, not "1\.5"/],
    [`${init} --held-out -0.1`, /--held-out/],
    [`${init} --seed -1`, /--seed/],
    [`${init} --seed 4294967296`, /--seed/],
    [`${init} --workers 0`, /--workers/],
    [`${init} --window 1`, /--window/],
    [`${init} --als-steps 0`, /--als-steps/],
    [`${init} --loftq-steps x`, /--loftq-steps/],
    [`${init} --modules q_proj,,v_proj`, /--modules/],
    [`${init} --samples 0`, /--samples/],
    [`${init} --samples 5 --tokens 5000`, /--samples and --tokens exclude each other/],
    [`${init} --tokens 100`, /--tokens 100 is less than one window of 512/],
    ['evaluate M --text t --tokens 100', /--tokens 100 is less than one window of 512/],
    [`${init} --prefetch --discard-shards`, /--prefetch and --discard-shards exclude each other/],
    [`${init} --revision=`, /--revision takes a value/],
    ['verify D --revision r', /unknown option '--revision'/],
    ['init M --output O', /--calibration/],
    ['init M --calibration c', /--output/],
    ['init --calibration c --output O', /model/],
    ['compare M --calibration c', /--text/],
    ['evaluate M', /--text/],
    [`${init} --rang 3`, /unknown option '--rang'[^]*--rank/],
    [`${init} extra`, /too many arguments/],
    ['initialise M', /unknown command/],
    ['run none.ts', /none\.ts does not exist/],
  ];
  for (const [line, message] of cases) {
    const { context, printed } = fakeContext();
    t.equal(await runCli(line.split(' '), context), 2, line);
    t.match(printed().err, message);
    t.match(printed().err, /^QL_USAGE /);
    t.equal(printed().out, '');
  }
});

t.test('an empty name is wrong usage', async (t) => {
  const { context, printed } = fakeContext();
  t.equal(await runCli(['init', 'M', '--calibration', 'c', '--output', ''], context), 2);
  t.match(printed().err, /--output takes a value/);
});

t.test('help and version end with code 0, no command with 2', async (t) => {
  for (const [args, text] of [
    [['--help'], /Usage: quailora[^]*init[^]*refit[^]*compare[^]*evaluate[^]*verify[^]*run/],
    [['init', '--help'], /--calibration[^]*--held-out[^]*--json/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
  ] as const) {
    const { context, printed } = fakeContext();
    t.equal(await runCli(args, context), 0);
    t.match(printed().out, text);
    t.equal(printed().err, '');
  }
  const { context, printed } = fakeContext();
  t.equal(await runCli([], context), 2);
  t.match(printed().err, /Usage: quailora/);
});

t.test('an error of ours ends with code 1, its code and its message', async (t) => {
  const failing = { initialize: async () => sourceOf<InitializationReport>([], new QuailoraError('QL_SHARD_RANGE', 'a\u001b[31m shard')) };
  const plain = fakeContext(failing);
  t.equal(await runCli(['init', 'M', '--calibration', 'c', '--output', 'O'], plain.context), 1);
  t.equal(plain.printed().err, 'QL_SHARD_RANGE a\\x1b[31m shard\n');
  t.equal(plain.printed().out, '');
  const json = fakeContext(failing);
  t.equal(await runCli(['init', 'M', '--calibration', 'c', '--output', 'O', '--json'], json.context), 1);
  t.same(JSON.parse(json.printed().out), { type: 'error', code: 'QL_SHARD_RANGE', message: 'a\u001b[31m shard' });
  const usage = fakeContext();
  t.equal(await runCli(['init', 'M', '--json'], usage.context), 2);
  t.match(JSON.parse(usage.printed().out), { type: 'error', code: 'QL_USAGE' });
});

t.test('an error nobody foresaw keeps its stack', async (t) => {
  const { context, printed } = fakeContext({
    initialize: async () => {
      throw new TypeError('odd');
    },
  });
  t.equal(await runCli(['init', 'M', '--calibration', 'c', '--output', 'O'], context), 1);
  t.match(printed().err, /^QL_INTERNAL TypeError: odd\n +at /);
});

t.test('a pipeline without a result, or with one that cannot be shown, fails', async (t) => {
  for (const events of [[], [{ type: 'result', result: { modules: 3 } }] as unknown[]]) {
    const { context, printed } = fakeContext({ initialize: async () => sourceOf(events as ProgressEvent<InitializationReport>[]) });
    t.equal(await runCli(['init', 'M', '--calibration', 'c', '--output', 'O'], context), 1);
    t.match(printed().err, /^QL_INTERNAL /);
  }
});

t.test('verify fails where the result says so', async (t) => {
  const verification = {
    directory: 'D',
    passed: true,
    baseModules: 2,
    adapterModules: 2,
    weighting: 'unweighted',
    captured: 0.5,
    failures: [],
  } as const;
  const failures = [{ code: 'QL_SCALE', where: 'model.layers.0.mlp.up_proj', message: 'captures 0 % of what was claimed' }];
  for (const [report, exitCode] of [
    [verification, 0],
    [{ ...verification, passed: false, failures }, 1],
  ] as const) {
    const { context, printed } = fakeContext({ verify: async () => sourceOf([{ type: 'result', result: report }]) });
    t.equal(await runCli(['verify', 'D'], context), exitCode);
    t.match(printed().out, exitCode === 0 ? /D: verified/ : /NOT VERIFIED[^]*QL_SCALE model\.layers\.0\.mlp\.up_proj: captures 0 %/);
  }
});

t.test('with --json the last line is the result itself', async (t) => {
  const { context, printed } = fakeContext({
    initialize: async () =>
      sourceOf([{ type: 'stage', stage: 'solve', block: 1, blocks: 2, tokens: 5, totalTokens: 10, seconds: 3 }, result]),
  });
  t.equal(await runCli(['init', 'M', '--calibration', 'c', '--output', 'O', '--json'], context), 0);
  const lines = printed().out.trimEnd().split('\n');
  t.equal(lines.length, 2);
  t.match(JSON.parse(lines[0]!), { type: 'stage', tokensPerSecond: 2.5, secondsLeft: 1, residentBytes: Number });
  t.same(JSON.parse(lines[1]!), sampleReport());
});
