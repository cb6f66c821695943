import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import t from 'tap';
import { initialize, type CustomStages } from '../../pipelines/initialize.js';
import { openCheckpoint, type TensorLocation } from '../../src/checkpoint/index.js';
import { openPeftAdapter } from '../../src/evaluation/index.js';
import { liveSessions } from '../../src/runtime/index.js';
import { readReport, type InitializationReport, type ProgressEvent } from '../../src/reports/index.js';
import type { InitializeJob } from '../../src/stages/index.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';

const place = await makeTinyWorkplace(t.testdir());
const run = (job: InitializeJob, custom?: CustomStages): Promise<ProgressEvent<InitializationReport>[]> =>
  lastValueFrom(initialize(job, custom).pipe(toArray()));

/** Every file below a directory, by name. */
const files = async (directory: string): Promise<Map<string, Buffer>> => {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = names.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return new Map(await Promise.all(paths.map(async (path) => [path.slice(directory.length + 1), await readFile(path)] as const)));
};

const EXPECTED = [
  'adapter/README.md',
  'adapter/adapter_config.json',
  'adapter/adapter_model.safetensors',
  'base/config.json',
  'base/model.safetensors',
  'base/tokenizer.json',
  'base/tokenizer_config.json',
  'report.json',
];

t.test('any number of workers writes the same bytes, without paths or dates', async (t) => {
  const sessions = liveSessions();
  const one = await run(tinyJob(place, 'one'));
  const first = await files(place.output('one'));
  t.same([...first.keys()], EXPECTED);
  t.equal(liveSessions(), sessions);
  for (const workers of [2, 3]) {
    await run(tinyJob(place, `with-${workers}`, { workers }));
    const other = await files(place.output(`with-${workers}`));
    t.same([...other.keys()], EXPECTED);
    for (const [name, bytes] of first) if (name !== 'report.json') t.ok(other.get(name)!.equals(bytes), `${name} with ${workers} workers`);
  }
  const year = String(new Date().getFullYear());
  for (const [name, bytes] of first) {
    if (name === 'report.json') continue;
    const text = bytes.toString('latin1');
    t.notOk(text.includes(place.model) || text.includes(process.cwd()) || text.includes(place.text), `${name} holds no path`);
    t.notOk(/\d\d:\d\d:\d\d/.test(text) || (name.endsWith('.json') && text.includes(`${year}-`)), `${name} holds no date`);
  }
  t.match(JSON.parse(first.get('adapter/adapter_config.json')!.toString()), { base_model_name_or_path: 'tiny', r: 4, lora_alpha: 16 });

  const report = await readReport(join(place.output('one'), 'report.json'));
  const last = one.at(-1)!;
  t.same(last.type === 'result' && last.result, report, 'the last event is what is written');
  t.match(report, {
    quantizer: 'nf4',
    initializer: 'exact',
    rank: 4,
    alpha: 16,
    scaling: 4,
    calibrationTokens: 640,
    heldOutTokens: 160,
    windowTokens: 32,
    samples: null,
  });
  t.equal(report.shardHashes.length, 3);
  t.equal(report.modules.length, 21);
  t.same(
    report.modules.slice(0, 7).map(({ name, statistic }) => [name.split('.').at(-1), statistic]),
    [
      ['q_proj', 'H'],
      ['k_proj', 'H'],
      ['v_proj', 'H'],
      ['o_proj', 'G'],
      ['gate_proj', 'H'],
      ['up_proj', 'H'],
      ['down_proj', 'G'],
    ],
    'in the order of the model',
  );
  for (const { name, loss, heldOut, captured } of report.modules)
    t.ok(loss.final < loss.none && heldOut!.final > 0 && heldOut!.none > 0 && captured > 0 && captured <= 1, name);
  const { weights, statistics, activations } = report.largestBytes;
  t.ok(weights > 0 && statistics >= 2 * 4 * 32 * 32 && activations >= 4 * 800 * 32);
  t.same(new Set(one.map(({ type }) => type)), new Set(['start', 'stage', 'module', 'result']));
  t.equal(one.filter(({ type }) => type === 'module').length, 21);
});

t.test('what is written loads as adapter and checkpoint', async (t) => {
  await run(tinyJob(place, 'loads', { rslora: true }));
  const adapter = await openPeftAdapter(join(place.output('loads'), 'adapter'));
  t.equal(adapter.modules.size, 21);
  t.ok(
    [...adapter.modules.values()].every(({ scaling }) => scaling === 8),
    '16 / √4',
  );
  const base = await openCheckpoint(join(place.output('loads'), 'base'));
  const source = await openCheckpoint(place.model);
  const isPlain = ({ name }: TensorLocation): boolean => /norm|embed/.test(name);
  t.same(
    [...base.tensors.values()]
      .filter(isPlain)
      .map(({ name }) => name)
      .sort(),
    [...source.tensors.values()]
      .filter(isPlain)
      .map(({ name }) => name)
      .sort(),
  );
});

t.test('exact is never worse than ALS, nor ALS than no correction', async (t) => {
  await run(tinyJob(place, 'exact', { writeBase: false }));
  await run(tinyJob(place, 'als', { writeBase: false, initializer: 'als' }));
  await run(tinyJob(place, 'zero', { writeBase: false, initializer: 'zero' }));
  const [exact, als, zero] = await Promise.all(['exact', 'als', 'zero'].map((name) => readReport(join(place.output(name), 'report.json'))));
  exact!.modules.forEach(({ name, loss }, i) => {
    t.ok(loss.final <= als!.modules[i]!.loss.final * 1.001, `${name}: ${loss.final} and ${als!.modules[i]!.loss.final}`);
    t.ok(als!.modules[i]!.loss.final < loss.none, name);
    t.ok(Math.abs(zero!.modules[i]!.loss.final / zero!.modules[i]!.loss.none - 1) < 1e-6, `${name}: zero corrects nothing`);
  });
});

t.test('8 bits, a subset of modules, samples, no text held out', async (t) => {
  await run(tinyJob(place, 'eight', { bits: 8, modules: ['v_proj', 'down_proj'], heldOutFraction: 0, initializer: 'svd' }));
  const report = await readReport(join(place.output('eight'), 'report.json'));
  t.match(report, { quantizer: 'int8', heldOutTokens: 0, totals: { modules: 6, heldOutLossRatio: null } });
  t.ok(report.modules.every(({ name, heldOut }) => /v_proj|down_proj/.test(name) && heldOut === null));
  t.equal((await openPeftAdapter(join(place.output('eight'), 'adapter'))).modules.size, 6);
  const base = await openCheckpoint(join(place.output('eight'), 'base'));
  t.ok(base.tensors.has('model.layers.0.self_attn.q_proj.SCB'), 'the base is quantized whole');
  t.match(base.configText, '"llm_int8_threshold": 6.0');

  const records = join(place.output('.'), 'records.jsonl');
  const lines = Array.from({ length: 40 }, (_, i) => JSON.stringify({ text: `record ${i} of some words`.repeat(1 + (i % 3)) }));
  await writeFile(records, `${lines.join('\n')}\n`);
  const job = tinyJob(place, 'samples', {
    calibration: records,
    budget: { kind: 'samples', samples: 20 },
    writeBase: false,
    initializer: 'loftq',
  });
  await t.rejects(run(job), { code: 'QL_INITIALIZER_BASE' });
  await run({ ...job, writeBase: true });
  t.match(await readReport(join(place.output('samples'), 'report.json')), { samples: 20, modules: [{ statistic: 'H' }] });
});

t.test('a rank above what a layer can use is filled with zeros', async (t) => {
  await run(tinyJob(place, 'wide', { rank: 48, writeBase: false, modules: ['k_proj', 'down_proj'] }));
  const { modules } = await readReport(join(place.output('wide'), 'report.json'));
  for (const { name, loss } of modules) t.ok(loss.final <= 1e-5 * loss.none, `${name} is corrected whole: ${loss.final} of ${loss.none}`);
});

t.test('an output directory that is not ours is refused, and left as it was', async (t) => {
  const foreign = t.testdir({ 'thesis.tex': 'years of work' });
  await t.rejects(run(tinyJob(place, 'x', { output: foreign })), { code: 'QL_OUTPUT_NOT_EMPTY' });
  await t.rejects(run(tinyJob(place, 'x', { output: foreign, fresh: true })), { code: 'QL_OUTPUT_NOT_EMPTY' });
  t.same(await readdir(foreign), ['thesis.tex']);
  const job = tinyJob(place, 'again', { writeBase: false, modules: ['q_proj'] });
  await run(job);
  const before = await files(job.output);
  const again = await run(job);
  t.match(again, [
    { type: 'notice', code: 'finished' },
    { type: 'result', result: { rank: 4 } },
  ]);
  t.same(await files(job.output), before, 'a finished run is not written again');
  await t.rejects(run({ ...job, rank: 2, seed: 1 }), { code: 'QL_OUTPUT_DIFFERS', message: /rank: 4 there, 2 now; seed: 0 there, 1 now/ });
  await run({ ...job, rank: 2, fresh: true });
  const { files: written } = await readReport(join(job.output, 'report.json'));
  const adapter = ['adapter_config.json', 'adapter_model.safetensors'].map((name) => join('adapter', name));
  t.same(
    written?.map(({ file }) => file),
    adapter,
  );
  await rm(join(job.output, 'adapter', 'adapter_model.safetensors'));
  await t.rejects(run({ ...job, rank: 2 }), { code: 'QL_OUTPUT_DAMAGED', message: /adapter_model\.safetensors is not there/ });
});

t.test('a base that was cut is not finished, and is written again with --fresh', async (t) => {
  const job = tinyJob(place, 'cut');
  await run(job);
  const shard = join(job.output, 'base', 'model.safetensors');
  const { size } = await stat(shard);
  await truncate(shard, size - 1);
  await t.rejects(run(job), {
    code: 'QL_OUTPUT_DAMAGED',
    message: new RegExp(`base/model\\.safetensors has ${size - 1} bytes, ${size} bytes were written.*--fresh`),
  });
  await run({ ...job, fresh: true });
  t.equal((await stat(shard)).size, size);
  t.match(await run(job), [{ type: 'notice', code: 'finished' }, { type: 'result' }]);
});

t.test('an abort in the middle ends the run and leaves no finished file', async (t) => {
  for (const stage of ['calibrate', 'solve']) {
    const controller = new AbortController();
    const job = tinyJob(place, `aborted-${stage}`, { signal: controller.signal, workers: 2 });
    const events$ = initialize(job);
    const ended = new Promise<unknown>((resolve) => {
      events$.subscribe({
        next: (event) => {
          if (event.type === 'stage' && event.stage === stage && event.block === 1) controller.abort();
        },
        error: resolve,
        complete: () => resolve('complete'),
      });
    });
    t.not(await ended, 'complete', stage);
    const left = await files(job.output).catch(() => new Map<string, Buffer>());
    t.same(
      [...left.keys()].filter((name) => !name.startsWith('.quailora/')),
      [],
      `${stage}: ${[...left.keys()].join()}`,
    );
    await t.rejects(run({ ...job, signal: new AbortController().signal, modules: ['q_proj'] }), { code: 'QL_OUTPUT_DIFFERS' });
    await run(tinyJob(place, `aborted-${stage}`, { modules: ['q_proj'], writeBase: false, fresh: true }));
  }
});

t.test('leaving early stops the run as well, and what is done is kept', async (t) => {
  const job = tinyJob(place, 'left');
  await new Promise<void>((resolve) => {
    const subscription = initialize(job).subscribe((event) => {
      if (event.type !== 'module') return;
      subscription.unsubscribe();
      resolve();
    });
  });
  const isLocked = async (): Promise<boolean> => (await readdir(join(job.output, '.quailora'))).some((name) => name.startsWith('lock-'));
  for (let i = 0; i < 100 && (await isLocked()); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  t.notOk(await isLocked());
  const events = await run(job);
  t.match(events[0], { type: 'notice', code: 'resumed', message: /0 of 3 blocks were done, and \d of the 7 layers of block 1/ });
  const [left, whole] = [await files(job.output), await files(place.output('one'))];
  for (const [name, bytes] of whole) if (name !== 'report.json') t.ok(left.get(name)!.equals(bytes), name);
});

t.test('weights that are not finite are named, and no final file is left', async (t) => {
  for (const [tensor, code] of [
    ['model.layers.1.mlp.up_proj.weight', 'QL_NOT_FINITE'],
    ['model.layers.1.input_layernorm.weight', /^QL_/],
  ] as const) {
    const broken = await makeTinyWorkplace(t.testdir());
    const location = (await openCheckpoint(broken.model)).tensors.get(tensor)!;
    const shard = await readFile(location.file);
    shard.writeUInt16LE(0x7fc0, location.offset + 6);
    await writeFile(location.file, shard);
    const error = await run(tinyJob(broken, 'out')).catch((error: unknown) => error);
    t.match(error, { code, message: tensor.includes('mlp') ? /up_proj/ : /model\.layers\.1/ }, tensor);
    t.same(
      [...(await files(broken.output('out'))).keys()].filter((name) => !name.startsWith('.quailora/')),
      [],
      'what was done before is kept, and nothing else',
    );
  }
});
