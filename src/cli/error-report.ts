import { QuailoraError } from '../foundation/index.js';
import type { CliContext } from './context.js';
import { plainText } from './render/plain-text.js';

/** An error as a person and a script see it. */
export interface ErrorReport {
  /** Stable code; `QL_INTERNAL` for an error that quailora did not foresee. */
  readonly code: string;
  readonly message: string;
}

/** Names an error; one that was not foreseen keeps its stack, since it is a defect to report. */
export const errorReport = (error: unknown): ErrorReport => {
  if (error instanceof QuailoraError) return { code: error.code, message: error.message };
  return { code: 'QL_INTERNAL', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
};

/** Prints `QL_CODE message` to stderr, and with `json` also a last JSON line to stdout. */
export const printError = ({ stdout, stderr }: CliContext, { code, message }: ErrorReport, json: boolean): void => {
  stderr.write(`${code} ${plainText(message)}\n`);
  if (json) stdout.write(`${JSON.stringify({ type: 'error', code, message })}\n`);
};
