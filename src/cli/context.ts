import type { Command } from 'commander';
import type { ExecutionPlan } from '../planning/index.js';
import type { ComparisonReport, EvaluationReport, InitializationReport, ProgressEvent, VerificationReport } from '../reports/index.js';
import type { CompareJob, EvaluateJob, InitializeJob, PlanJob, RefitJob, VerifyJob } from '../stages/index.js';

/** A stream the command line prints to. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** A running pipeline as the command line sees it; an Observable is one. */
export interface ProgressSource<Result> {
  subscribe(observer: { next(event: ProgressEvent<Result>): void; error(error: unknown): void; complete(): void }): unknown;
}

/** The pipelines behind the commands. */
export interface Pipelines {
  initialize(job: InitializeJob): Promise<ProgressSource<InitializationReport>>;
  plan(job: PlanJob): Promise<ProgressSource<ExecutionPlan>>;
  refit(job: RefitJob): Promise<ProgressSource<InitializationReport>>;
  compare(job: CompareJob): Promise<ProgressSource<ComparisonReport>>;
  evaluate(job: EvaluateJob): Promise<ProgressSource<EvaluationReport>>;
  verify(job: VerifyJob): Promise<ProgressSource<VerificationReport>>;
}

/** What a command stands on; tests pass their own. */
export interface CliContext {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly pipelines: Pipelines;
  /** Environment variables: where the Hub is, its cache, its token. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Adds one command to the program; it hands its exit code to `finish`. */
export type AddCommand = (program: Command, context: CliContext, finish: (exitCode: number) => void) => void;
