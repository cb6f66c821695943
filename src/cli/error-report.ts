import { failuresOf, QuailoraError } from '../foundation/index.js';
import type { CliContext } from './context.js';
import { plainText } from './render/plain-text.js';

/** A failure as a person and a script see it. */
export interface FailureReport {
  /** Stable code; `QL_INTERNAL` for an error that quailora did not foresee. */
  readonly code: string;
  readonly message: string;
}

/** What a command ended with. */
export interface ErrorReport extends FailureReport {
  /** What failed besides, while the run was being ended; left out where nothing did. */
  readonly also?: readonly FailureReport[];
}

/** Names a failure; one that was not foreseen keeps its stack, since it is a defect to report. */
const failureReport = (failure: unknown): FailureReport => {
  if (failure instanceof QuailoraError) return { code: failure.code, message: failure.message };
  return { code: 'QL_INTERNAL', message: failure instanceof Error ? (failure.stack ?? failure.message) : String(failure) };
};

/** What makes a failure worth a line of its own: a full disk meets every writer, and the first of them says it all. */
const tellingPart = ({ code, message }: FailureReport): string => (code === 'QL_DISK_FULL' ? code : `${code} ${message}`);

/** Adds failures to a report, each that says something else once. */
export const withFailures = (report: ErrorReport, failures: readonly unknown[]): ErrorReport => {
  const told = new Map<string, FailureReport>([[tellingPart(report), report]]);
  for (const failure of failures.map(failureReport)) if (!told.has(tellingPart(failure))) told.set(tellingPart(failure), failure);
  const [, ...also] = told.values();
  return also.length === 0 ? report : { ...report, also };
};

/** Names an error, and what failed with it. */
export const errorReport = (error: unknown): ErrorReport => {
  const [first, ...others] = failuresOf(error);
  return withFailures(failureReport(first), others);
};

/** Prints `QL_CODE message` for each failure to stderr, and with `json` also a last JSON line to stdout. */
export const printError = ({ stdout, stderr }: CliContext, report: ErrorReport, json: boolean): void => {
  for (const { code, message } of [report, ...(report.also ?? [])]) stderr.write(`${code} ${plainText(message)}\n`);
  if (json) stdout.write(`${JSON.stringify({ type: 'error', ...report })}\n`);
};
