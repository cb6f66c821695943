import type { ModuleReport } from './report.js';

/** Opens a run. */
export interface StartEvent {
  readonly type: 'start';
  /** `init`, `refit`, `compare`, `evaluate` or `verify`. */
  readonly command: string;
  readonly model: string;
  readonly blocks: number;
  readonly calibrationTokens: number;
  readonly heldOutTokens: number;
}

/** Says where a run is. */
export interface StageEvent {
  readonly type: 'stage';
  /** What is being done: `download`, `calibrate`, `solve`, `write`, … */
  readonly stage: string;
  /** Block at work, from 0. */
  readonly block?: number;
  readonly blocks?: number;
  /** Tokens that have passed through this block. */
  readonly tokens?: number;
  readonly totalTokens?: number;
  readonly module?: string;
  /** File of a Hub repository that is being transferred, and how far it is. */
  readonly file?: string;
  readonly bytes?: number;
  readonly totalBytes?: number;
  /** Seconds since the start of the run. */
  readonly seconds: number;
}

/** Reports one finished module. */
export interface ModuleEvent {
  readonly type: 'module';
  readonly block: number;
  readonly report: ModuleReport;
}

/** Tells something that a reader should know, for instance that an earlier run is gone on with. */
export interface NoticeEvent {
  readonly type: 'notice';
  /** Stable, for scripts: `resumed`, `finished`, `damaged`. */
  readonly code: string;
  readonly message: string;
}

/** Ends a run; always the last event. */
export interface ResultEvent<Result = unknown> {
  readonly type: 'result';
  readonly result: Result;
}

/** What a running pipeline tells whoever watches it. */
export type ProgressEvent<Result = unknown> = StartEvent | StageEvent | ModuleEvent | NoticeEvent | ResultEvent<Result>;
