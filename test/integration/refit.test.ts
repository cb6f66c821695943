import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import t, { type Test } from 'tap';
import { initialize, type CustomStages } from '../../pipelines/initialize.js';
import { refit } from '../../pipelines/refit.js';
import { readKeptStatistics, type InitializationReport } from '../../src/reports/index.js';
import type { InitializeJob, RefitJob } from '../../src/stages/index.js';
import { readStatistic } from '../../src/transport/index.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';
import { verifySmall } from './verified-output.js';

const model = 'data/embedded/model';
const directory = t.testdir();
const output = (name: string): string => join(directory, name);

const JOB: Omit<InitializeJob, 'output'> = {
  ...{ model, calibration: 'data/embedded/calibration.jsonl', budget: { kind: 'tokens', tokens: 1024 }, windowTokens: 128 },
  ...{ heldOutFraction: 0.25, seed: 0, bits: 4, rank: 16, alpha: 16, rslora: false, alsSteps: 20, loftqSteps: 2, balance: true },
  ...{ modules: 'all-linear', initializer: 'exact', writeBase: false, baseName: 'embedded', fresh: false, workers: 2 },
};

const init = async (name: string, change: Partial<InitializeJob> = {}, custom?: CustomStages): Promise<void> => {
  await lastValueFrom(initialize({ ...JOB, output: output(name), ...change }, custom));
};

const refitted = async (from: string, name: string, change: Partial<RefitJob> = {}): Promise<InitializationReport> => {
  const last = await lastValueFrom(
    refit({ directory: output(from), output: output(name), writeBase: false, fresh: false, workers: 2, ...change }),
  );
  if (last.type !== 'result') throw new Error(`The last event is ${last.type}.`);
  return last.result;
};

/** Files below a directory, without report.json and statistics, by name. */
const files = async (name: string): Promise<Map<string, Buffer>> => {
  const entries = (await readdir(output(name), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).sort();
  const kept = paths.filter((path) => !path.endsWith('report.json') && !path.includes('statistics'));
  return new Map(await Promise.all(kept.map(async (path) => [path.slice(output(name).length + 1), await readFile(path)] as const)));
};

const sameBytes = async (t: Test, one: string, other: string): Promise<void> => {
  const [first, second] = [await files(one), await files(other)];
  t.same([...first.keys()], [...second.keys()]);
  t.ok(first.size >= 3);
  for (const [name, bytes] of first) t.ok(bytes.equals(second.get(name)!), `${name} of ${one} and ${other}`);
};

await init('kept', { keepStatistics: 'used' });

t.test('another rank, alpha and scaling have the bytes that init would have written', async (t) => {
  const change = { rank: 8, alpha: 32, rslora: true, balance: false, writeBase: true } as const;
  await init('small', change);
  const report = await refitted('kept', 'small-again', change);
  await sameBytes(t, 'small', 'small-again');
  const { secondsPerStage, ...of } = report;
  t.notOk('calibrate' in secondsPerStage || 'tokenize' in secondsPerStage, 'nothing was calibrated');
  t.match(of, { rank: 8, alpha: 32, calibrationTokens: 1024, refit: { from: output('kept'), kept: 'used', seed: 0 } });
});

t.test('with nothing said it is the same run', async (t) => {
  await refitted('kept', 'same', { workers: 1 });
  await sameBytes(t, 'kept', 'same');
});

t.test('another initializer on a subset of the modules, verified with the text', async (t) => {
  const change = { modules: ['q_proj', 'v_proj'], initializer: 'als', alsSteps: 5 } as const;
  await init('two', change);
  await refitted('kept', 'two-again', { ...change, writeBase: true });
  t.ok(
    (await files('two'))
      .get('adapter/adapter_model.safetensors')!
      .equals((await files('two-again')).get('adapter/adapter_model.safetensors')!),
  );
  for (const calibration of [undefined, JOB.calibration]) {
    const report = await verifySmall({ directory: output('two-again'), ...(calibration !== undefined && { calibration }) });
    t.same([report.passed, report.failures, report.weighting], [true, [], calibration === undefined ? 'unweighted' : 'calibration']);
  }
});

t.test('an H of everything serves another bit width', async (t) => {
  await init('all-h', { keepStatistics: 'all-h' });
  await init('eight', { keepStatistics: 'all-h', bits: 8, writeBase: true });
  const report = await refitted('all-h', 'eight-again', { bits: 8, writeBase: true });
  await sameBytes(t, 'eight', 'eight-again');
  t.match(report, { quantizer: 'int8', refit: { kept: 'all-h' } });
  t.ok(report.modules.every(({ statistic }) => statistic === 'H'));
});

t.test('an H of everything serves LoftQ', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const job = tinyJob({ ...place, output }, 'tiny-all-h');
  await lastValueFrom(initialize({ ...job, keepStatistics: 'all-h', writeBase: false }));
  await lastValueFrom(initialize({ ...job, output: output('tiny-loftq'), initializer: 'loftq', loftqSteps: 2 }));
  await refitted('tiny-all-h', 'tiny-loftq-again', { initializer: 'loftq', loftqSteps: 2, writeBase: true });
  await sameBytes(t, 'tiny-loftq', 'tiny-loftq-again');
});

t.test('what was kept is an Arrow file for each input and split, with an index', async (t) => {
  const place = join(output('kept'), 'statistics');
  const index = await readKeptStatistics(output('kept'));
  const names = (await readdir(place)).sort();
  t.same(names, [...index.files.map(({ file }) => file), 'statistics.json'].sort());
  for (const file of index.files) {
    const { meaning } = await readStatistic(join(place, file.file), file.sha256);
    t.match(file, { ...meaning }, file.file);
    t.equal(meaning.tokens, meaning.split === 'calibration' ? 1024 : 256);
  }
  const down = index.files.find(({ file }) => file === 'block-0.mlp_hidden.calibration.arrow');
  t.match(down, { kind: 'G', quantizer: 'nf4', modules: ['model.layers.0.mlp.down_proj'] });
});
