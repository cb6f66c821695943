import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readReport } from '../../src/reports/index.js';
import { liveSessions, multipliesIntegersExactly } from '../../src/runtime/index.js';
import { initializeSmall, prepareVerification, rewriteJson, verifySmall } from './verified-output.js';

const needsExact = (await multipliesIntegersExactly()) ? {} : { skip: 'products of 8-bit integers saturate on this processor' };
const directory = t.testdir();
const { model, calibration } = await prepareVerification(directory);

t.test('int8-split is recorded, corrects as float32 does, and is verified with either', needsExact, async (t) => {
  const sessions = liveSessions();
  const outputs = { f32: join(directory, 'f32'), split: join(directory, 'split') };
  await initializeSmall({ model, calibration, output: outputs.f32 }, { initializer: 'exact', arithmetic: 'f32' });
  await initializeSmall({ model, calibration, output: outputs.split }, { initializer: 'exact', arithmetic: 'int8-split' });
  const [f32, split] = [await readReport(join(outputs.f32, 'report.json')), await readReport(join(outputs.split, 'report.json'))];
  t.same(f32.arithmetic, { asked: 'f32', used: 'f32', why: 'it was asked for' });
  t.same(split.arithmetic, { asked: 'int8-split', used: 'int8-split', why: 'it was asked for' });
  for (const [i, { name, heldOut }] of f32.modules.entries()) {
    const other = split.modules[i]!.heldOut!;
    t.ok(Math.abs(other.final / other.none / (heldOut!.final / heldOut!.none) - 1) < 2e-3, name);
  }
  t.not(split.modules.at(-1)!.loss.none, f32.modules.at(-1)!.loss.none, 'another arithmetic gives other last bits');
  t.equal((await verifySmall({ directory: outputs.split, calibration })).passed, true);
  await rewriteJson(outputs.split, 'report.json', { arithmetic: undefined });
  t.equal((await verifySmall({ directory: outputs.split, calibration })).passed, true, 'as a processor without VNNI would');
  t.equal(liveSessions(), sessions);
});

t.test('the number of workers changes no byte', needsExact, async (t) => {
  const adapters: Buffer[] = [];
  for (const workers of [1, 2]) {
    const output = join(directory, `workers-${workers}`);
    await initializeSmall({ model, calibration, output }, { initializer: 'exact', arithmetic: 'int8-split', workers });
    adapters.push(await readFile(join(output, 'adapter', 'adapter_model.safetensors')));
  }
  t.ok(adapters[0]!.equals(adapters[1]!));
});
