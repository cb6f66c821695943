import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { initialize } from '../../pipelines/initialize.js';
import { verify } from '../../pipelines/verify.js';
import { readSafetensorsHeader, readTensor, writeSafetensors } from '../../src/checkpoint/index.js';
import type { RawTensor } from '../../src/foundation/index.js';
import type { VerificationReport } from '../../src/reports/index.js';
import type { InitializeJob, VerifyJob } from '../../src/stages/index.js';
import { writeTinyCheckpoint, writeTinyText } from './tiny-checkpoint.js';

/** Options of a small run: 6 windows of 64 tokens, 2 of them more held out. */
const SMALL: Omit<InitializeJob, 'model' | 'calibration' | 'output'> = {
  ...{ budget: { kind: 'tokens', tokens: 384 }, windowTokens: 64, heldOutFraction: 0.34, seed: 0, bits: 4, rank: 8, alpha: 16 },
  ...{ rslora: false, alsSteps: 20, loftqSteps: 3, balance: true, modules: 'all-linear', initializer: 'als', writeBase: true },
  ...{ fresh: false, workers: 2 },
};

/** Runs `initialize` on a small checkpoint. */
export const initializeSmall = async (
  job: Pick<InitializeJob, 'model' | 'calibration' | 'output'>,
  change: Partial<InitializeJob> = {},
): Promise<void> => {
  await lastValueFrom(initialize({ ...SMALL, ...job, ...change }));
};

/** Runs `verify` and gives its report. */
export const verifySmall = async (job: VerifyJob): Promise<VerificationReport> => {
  const last = await lastValueFrom(verify({ workers: 1, ...job }));
  if (last.type !== 'result') throw new Error(`The last event is ${last.type}.`);
  return last.result;
};

/** Verifies a changed copy of an output, without a text and with it. */
export const verifyChanged = async (
  { from, to, calibration }: { readonly from: string; readonly to: string; readonly calibration: string },
  change: (output: string) => Promise<void>,
): Promise<{ readonly unweighted: VerificationReport; readonly weighted: VerificationReport }> => {
  await cp(from, to, { recursive: true });
  await change(to);
  return { unweighted: await verifySmall({ directory: to }), weighted: await verifySmall({ directory: to, calibration }) };
};

/** What is wrong, as `code where`. */
export const wrongs = ({ failures }: VerificationReport): string[] => failures.map(({ code, where }) => `${code} ${where}`);

/** Rewrites a safetensors file; a tensor for which `change` gives undefined is dropped. */
export const rewriteTensors = async (path: string, change: (name: string, tensor: RawTensor) => RawTensor | undefined): Promise<void> => {
  const kept: Record<string, RawTensor> = {};
  for (const { name, dtype, shape, ...place } of await readSafetensorsHeader(path, path)) {
    const tensor = change(name, { dtype, shape, bytes: await readTensor({ name, dtype, shape, ...place, file: path }) });
    if (tensor) kept[name] = tensor;
  }
  await writeSafetensors(path, kept);
};

/** Rewrites the float32 values of tensors whose name matches. */
export const rewriteValues = (path: string, matching: RegExp, change: (value: number, index: number) => number): Promise<void> =>
  rewriteTensors(path, (name, tensor) => {
    if (!matching.test(name)) return tensor;
    const values = new Float32Array(tensor.bytes.slice().buffer).map(change);
    return { ...tensor, bytes: new Uint8Array(values.buffer) };
  });

/** Flips one bit of one tensor. */
export const flipBit = (path: string, name: string, byte: number): Promise<void> =>
  rewriteTensors(path, (candidate, tensor) => {
    if (candidate !== name) return tensor;
    const bytes = tensor.bytes.slice();
    bytes[byte]! ^= 1;
    return { ...tensor, bytes };
  });

/** Rewrites some keys of a JSON file. */
export const rewriteJson = async (directory: string, name: string, change: Readonly<Record<string, unknown>>): Promise<void> => {
  const path = join(directory, name);
  const parsed = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...parsed, ...change }, null, 2));
};

/** A small model, a text and an untouched ALS output, and a way to verify changed copies of it. */
export const prepareVerification = async (directory: string) => {
  const [model, calibration, untouched] = [join(directory, 'model'), join(directory, 'text.txt'), join(directory, 'als')];
  await writeTinyCheckpoint(model);
  await writeTinyText(calibration);
  await initializeSmall({ model, calibration, output: untouched });
  let copies = 0;
  const changed = (change: (output: string) => Promise<void>, from = untouched): ReturnType<typeof verifyChanged> =>
    verifyChanged({ from, to: join(directory, `copy-${copies++}`), calibration }, change);
  return { model, calibration, untouched, changed };
};
