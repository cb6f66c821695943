import { createContext, Script, type Context } from 'node:vm';
import { QuailoraError } from './errors.js';

/** Thrown when a computation was given up because it took too long; retrying on a faster machine may help. */
export class TimeLimitError extends QuailoraError {
  constructor(timeoutMs: number, cause: unknown) {
    super('QL_TIME_LIMIT', `it did not end within ${timeoutMs} ms`, { cause });
  }
}

let runner: { readonly context: Context & { task: unknown }; readonly script: Script } | undefined;

const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;

/**
 * Computes synchronously, and gives up when it takes too long: the only way to end a regular expression that backtracks.
 *
 * Never decides a result, only whether there is one.
 *
 * @param timeoutMs milliseconds of wall time, generous
 * @throws TimeLimitError QL_TIME_LIMIT; what `task` throws
 *
 * Cost: about 0.1 ms, for the thread that watches.
 */
export const withinTime = <T>(timeoutMs: number, task: () => T): T => {
  runner ??= { context: createContext({ task: undefined }) as Context & { task: unknown }, script: new Script('task()') };
  const { context, script } = runner;
  const outer = context.task;
  context.task = task;
  try {
    return script.runInContext(context, { timeout: timeoutMs }) as T;
  } catch (error) {
    if (hasCode(error, 'ERR_SCRIPT_EXECUTION_TIMEOUT')) throw new TimeLimitError(timeoutMs, error);
    throw error;
  } finally {
    context.task = outer;
  }
};
