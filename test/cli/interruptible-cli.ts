import { setTimeout as wait } from 'node:timers/promises';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCli } from '../../src/cli/index.js';
import { claimOutput } from '../../src/journal/index.js';
import type { Pipelines } from '../../src/cli/index.js';
import { fakeContext } from './fake-context.js';

// A program for the interrupt test: its `init` writes one file and then goes on until it is stopped; with
// `--seed 1` it does not heed the signal.
const initialize: Pipelines['initialize'] = async (job) => {
  await claimOutput(job.output, { fingerprint: { seed: job.seed }, fresh: job.fresh, resumable: true });
  await mkdir(join(job.output, 'base'));
  await writeFile(join(job.output, 'base', 'config.json'), '{}');
  return {
    subscribe: (observer) => {
      observer.next({ type: 'stage', stage: 'calibrate', seconds: 0 });
      void wait(60_000, undefined, job.seed === 0 && job.signal ? { signal: job.signal } : {}).catch((error: unknown) => {
        observer.error(error);
      });
    },
  };
};

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: {},
  pipelines: { ...fakeContext().context.pipelines, initialize },
});
