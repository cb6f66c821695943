/**
 * Measures how fast datasets of every file type and record format become tokens, and shows that the memory of reading
 * one does not grow with its size.
 *
 * usage: node dist/test/bench/dataset-throughput.js [--megabytes 8] [--stream-megabytes 512] [--types jsonl,json,csv,tsv,parquet,jsonl.gz,jsonl.zst]
 *
 * The records are made up, with the embedded model's tokenizer; files lie in the system's temporary directory and are
 * removed. `tokenize` turns all of a file of --megabytes into windows of 512: tokens a second of time, and of
 * processor time where the machine is busy with other things. `stream` draws 2,000
 * samples, and 200 to hold out, from a file of --stream-megabytes and from one of an eighth of it: peak resident memory,
 * the kernel's high-water mark read from outside. Prints JSON, and ends with status 1 when the larger file takes over
 * 64 MiB more.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { SHAPES, writeDataset } from './write-dataset.js';

const STREAM = join(REPOSITORY, 'dist/test/bench/stream-dataset.js');
const BLOCK_MEGABYTES = 4;
const ALLOWED_BYTES = 64 << 20;

interface Reading {
  readonly tokens: number;
  readonly records: number;
  readonly seconds: number;
  /** Of the reading alone, all threads. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly fileBytes: number;
  readonly contentBytes: number;
}

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '8' },
    'stream-megabytes': { type: 'string', default: '512' },
    types: { type: 'string', default: 'jsonl,json,csv,tsv,parquet,jsonl.gz,jsonl.zst' },
  },
});

const blocksOf = (megabytes: number): number => Math.max(1, Math.round(megabytes / BLOCK_MEGABYTES));
const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));

const read = async (type: string, shape: string, mode: 'draw' | 'tokenize', blocks: number): Promise<Reading> => {
  const path = join(scratch, `made.${type}`);
  const contentBytes = await writeDataset(path, type, shape, blocks);
  const format = type === 'txt' ? [] : [shape];
  const { stdout, peakRssBytes } = await measureProcess(process.execPath, [STREAM, path, mode, ...format], REPOSITORY);
  const { size } = await stat(path);
  await rm(path);
  return {
    ...(JSON.parse(stdout) as Pick<Reading, 'tokens' | 'records' | 'seconds' | 'cpuSeconds'>),
    peakRssBytes,
    fileBytes: size,
    contentBytes,
  };
};

const rate = ({ tokens, seconds, cpuSeconds }: Reading) => ({
  tokensPerSecond: Math.round(tokens / seconds),
  tokensPerCpuSecond: Math.round(tokens / cpuSeconds),
});

const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;

const hasZstd = (): boolean => {
  try {
    execFileSync('zstd', ['--version']);
    return true;
  } catch {
    console.error('zstd is not installed: .zst is left out.');
    return false;
  }
};

try {
  const types = values.types.split(',').filter((type) => !type.endsWith('.zst') || hasZstd());
  const tokenized: Record<string, unknown> = {};
  const blocks = blocksOf(Number(values.megabytes));
  for (const type of ['txt', ...types]) tokenized[`${type}, text`] = rate(await read(type, 'text', 'tokenize', blocks));
  for (const shape of Object.keys(SHAPES).slice(1)) tokenized[`jsonl, ${shape}`] = rate(await read('jsonl', shape, 'tokenize', blocks));

  const streamed: Record<string, unknown> = {};
  let constant = true;
  const large = blocksOf(Number(values['stream-megabytes']));
  for (const type of types) {
    const small = await read(type, 'prompt-completion', 'draw', Math.max(1, Math.round(large / 8)));
    const whole = await read(type, 'prompt-completion', 'draw', large);
    const grows = whole.peakRssBytes - small.peakRssBytes > ALLOWED_BYTES;
    if (grows) constant = false;
    const { contentBytes, fileBytes, records, seconds, cpuSeconds } = whole;
    streamed[type] = {
      ...{ contentBytes, fileBytes, records, seconds, cpuSeconds },
      ...{ megabytesPerSecond: megabytes(contentBytes / seconds), megabytesPerCpuSecond: megabytes(contentBytes / cpuSeconds) },
      ...{ peakRssBytes: whole.peakRssBytes, eighthPeakRssBytes: small.peakRssBytes, constant: !grows },
    };
  }
  console.log(JSON.stringify({ machine: await describeMachine(), tokenized, streamed, constant }, undefined, 2));
  if (!constant) process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}
