import { failuresOf } from '../foundation/index.js';
import { EXIT_CODE } from './exit-code.js';
import type { CliContext, ProgressSource } from './context.js';
import { errorReport, printError, withFailures, type ErrorReport } from './error-report.js';
import { createRenderer } from './render/create-renderer.js';
import type { Renderer, Summary } from './render/renderer.js';

/** One pipeline for `watch` to run. */
export interface Watched<Result> {
  readonly json: boolean;
  /** Starts the pipeline, which stops when the signal aborts; called once. */
  readonly start: (signal: AbortSignal) => Promise<ProgressSource<Result>>;
  readonly summarize: (result: Result) => Summary;
  /** False where the result itself is a failure. */
  readonly passed?: (result: Result) => boolean;
  /** Says what an interrupted run left on disk; the pipeline writes nothing when left out. */
  readonly onDisk?: () => Promise<string>;
}

/** The first Ctrl-C aborts the signal; the second kills the process at once, workers busy or not. */
const abortOnInterrupt = (stderr: CliContext['stderr']): { readonly signal: AbortSignal; readonly release: () => void } => {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    if (controller.signal.aborted) {
      release();
      process.kill(process.pid, 'SIGINT');
      return;
    }
    stderr.write('\nStopping; Ctrl-C again kills at once.\n');
    controller.abort();
  };
  const release = (): void => {
    process.off('SIGINT', onInterrupt);
  };
  process.on('SIGINT', onInterrupt);
  return { signal: controller.signal, release };
};

/** Code of runtime's StoppedError; its module would load ONNX Runtime here. */
const STOPPED = 'QL_STOPPED';

/** True for what an abort does to work: the signal's own reason, workers that were stopped, and what these are the cause of. */
const isStop = (failure: unknown, signal: AbortSignal): boolean =>
  failure === signal.reason ||
  (failure instanceof Error &&
    (failure.name === 'AbortError' || ('code' in failure && failure.code === STOPPED) || isStop(failure.cause, signal)));

/** Says what an interrupted run left, and what failed in it besides: a full disk is news also to somebody who stops a run. */
const interruption = async (error: unknown, signal: AbortSignal, onDisk: Watched<unknown>['onDisk']): Promise<ErrorReport> => {
  const failures = failuresOf(error).filter((failure) => !isStop(failure, signal));
  let left = 'Nothing was written.';
  try {
    if (onDisk) left = await onDisk();
  } catch (failure) {
    left = 'What is on the disk can not be told.';
    failures.push(failure);
  }
  return withFailures({ code: 'QL_INTERRUPTED', message: `Interrupted. ${left}` }, failures);
};

/** Shows every event, and settles with the result. */
const follow = <Result>(source: ProgressSource<Result>, renderer: Renderer<Result>): Promise<Result> =>
  new Promise((resolve, reject) => {
    let last: { readonly result: Result } | undefined;
    source.subscribe({
      next: (event) => {
        if (event.type === 'result') last = event;
        // An exception here would reach the process, not the caller: observers can't throw to their source.
        try {
          renderer.show(event);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      },
      error: reject,
      complete: () => {
        if (last) resolve(last.result);
        else reject(new Error('The pipeline ended without a result.'));
      },
    });
  });

/**
 * Runs a pipeline to its end, showing what it tells.
 *
 * @returns the exit code; errors are printed, never thrown
 */
export const watch = async <Result>(context: CliContext, watched: Watched<Result>): Promise<number> => {
  const renderer = createRenderer(context.stdout, watched.json, watched.summarize);
  const { signal, release } = abortOnInterrupt(context.stderr);
  try {
    const result = await follow(await watched.start(signal), renderer);
    return watched.passed?.(result) === false ? EXIT_CODE.failed : EXIT_CODE.ok;
  } catch (error) {
    renderer.close();
    if (!signal.aborted) {
      printError(context, errorReport(error), watched.json);
      return EXIT_CODE.failed;
    }
    printError(context, await interruption(error, signal, watched.onDisk), watched.json);
    return EXIT_CODE.interrupted;
  } finally {
    renderer.close();
    release();
  }
};
