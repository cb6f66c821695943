import { PassThrough } from 'node:stream';
import type { CliContext, Pipelines, ProgressSource } from '../../src/cli/index.js';
import type { ProgressEvent } from '../../src/reports/index.js';

/** A source that tells these events, then fails with `error` or completes. */
export const sourceOf = <Result>(events: readonly ProgressEvent<Result>[], error?: Error): ProgressSource<Result> => ({
  subscribe: (observer) => {
    for (const event of events) observer.next(event);
    if (error) observer.error(error);
    else observer.complete();
  },
});

const unexpected = (name: string) => async (): Promise<never> => {
  throw new Error(`${name} was called`);
};

/** A command-line context that keeps what is printed; pipelines that are not given fail when called. */
export const fakeContext = (
  pipelines: Partial<Pipelines> = {},
  isTTY = false,
  environment: NodeJS.ProcessEnv = { HF_HOME: '/nowhere/huggingface' },
): { readonly context: CliContext; readonly printed: () => { readonly out: string; readonly err: string } } => {
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40 });
  const stderr = new PassThrough();
  let out = '';
  let err = '';
  stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return {
    context: {
      stdout,
      stderr,
      environment,
      pipelines: {
        initialize: unexpected('initialize'),
        plan: unexpected('plan'),
        refit: unexpected('refit'),
        compare: unexpected('compare'),
        evaluate: unexpected('evaluate'),
        verify: unexpected('verify'),
        ...pipelines,
      },
    },
    printed: () => ({ out, err }),
  };
};
