import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Root of the repository, three levels above a compiled benchmark. */
export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/** The command line as `npx quailora` runs it, without npx' own process and time. */
export const QUAILORA = join(REPOSITORY, 'dist/src/cli/main.js');

/** What a benchmark's figures depend on. */
export interface Machine {
  /** Commit of the working tree, with `+` after it where the tree differs from it. */
  readonly commit: string;
  readonly cpu: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly versions: Readonly<Record<string, string>>;
}

const git = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)('git', args, { cwd: REPOSITORY })).stdout.trim();

const packageVersion = async (path: string): Promise<string> => {
  const { version } = JSON.parse(await readFile(join(REPOSITORY, path, 'package.json'), 'utf8')) as { readonly version: string };
  return version;
};

/** Describes commit, processor, threads and versions; `commit` is `unknown` outside a clone. */
export const describeMachine = async (): Promise<Machine> => {
  const commit = await git('rev-parse', '--short=12', 'HEAD').catch(() => 'unknown');
  const changes = await git('status', '--porcelain').catch(() => '');
  return {
    commit: changes ? `${commit}+` : commit,
    cpu: cpus()[0]?.model ?? 'unknown',
    threads: availableParallelism(),
    memoryBytes: totalmem(),
    versions: {
      quailora: await packageVersion('.'),
      'onnxruntime-node': await packageVersion('node_modules/onnxruntime-node'),
      node: process.versions.node,
    },
  };
};
