import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { readReport } from '../../src/reports/index.js';
import { makeTinyWorkplace } from './tiny-model.js';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const QUAILORA = join(REPOSITORY, 'dist/src/cli/main.js');

/** Runs an example as a user does, and returns its last line. */
const run = async (example: string, ...args: string[]): Promise<Record<string, number>> => {
  const file = join(REPOSITORY, 'pipelines/examples', example);
  const { stdout } = await promisify(execFile)(process.execPath, [QUAILORA, 'run', file, ...args], { cwd: REPOSITORY });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
};

t.test('a quantizer of one’s own: the base holds 15 values a row, the adapter corrects it', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const output = place.output('int4');
  const result = await run('int4-rows.ts', place.model, place.text, output, '640', '32', '4');
  t.ok(result['lossRatio']! < 0.95, `loss ratio ${result['lossRatio']}`);
  t.equal((await readReport(join(output, 'report.json'))).quantizer, 'int4 rows');
  const config = JSON.parse(await readFile(join(output, 'base/config.json'), 'utf8')) as Record<string, unknown>;
  t.notOk('quantization_config' in config, 'loads without bitsandbytes');
});

t.test('an initializer of one’s own gets an H and is certified', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const output = place.output('diagonal');
  const result = await run('diagonal-initializer.ts', place.model, place.text, output, '640', '32', '4');
  const report = await readReport(join(output, 'report.json'));
  t.equal(report.initializer, 'diagonal');
  t.ok(report.modules.every(({ statistic }) => statistic === 'H'));
  t.ok(result['lossRatio']! < 1);
});

t.test('a tap sees every channel of every activation', async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const file = join(t.testdirName, 'maxima.arrow');
  const result = await run('channel-maxima.ts', place.model, place.text, place.output('tapped'), file, '640', '32', '4');
  const report = await readReport(join(place.output('tapped'), 'report.json'));
  const blocks = new Set(report.modules.map(({ name }) => /layers\.(\d+)/.exec(name)![1])).size;
  const widthOf = (name: string): number => report.modules.find((module) => module.name.endsWith(name))!.shape[1];
  const width = widthOf('q_proj') + widthOf('o_proj') + widthOf('gate_proj') + widthOf('down_proj');
  t.equal(result['channels'], blocks * width);
  t.ok(result['largest']! > 0);
  t.equal((await readFile(file)).subarray(0, 6).toString(), 'ARROW1');
});
