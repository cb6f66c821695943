export type { ComparedInitializer, ComparisonReport } from './comparison-report.js';
export type { EvaluationReport } from './evaluation-report.js';
export { peakRssBytes } from './peak-rss.js';
export type { ModuleEvent, NoticeEvent, ProgressEvent, ResultEvent, StageEvent, StartEvent } from './progress.js';
export { MalformedReportError, readReport } from './read-report.js';
export type {
  ExpertMatrixReport,
  ExpertReport,
  HeldOutLoss,
  InitializationReport,
  KindGeneralization,
  LargestBytes,
  ModuleLoss,
  ModuleReport,
  PlanReport,
  WorkReport,
  RefitOrigin,
  ReportTotals,
  ShardHash,
} from './report.js';
export type { LossWeighting, VerificationReport } from './verification-report.js';
export { initializationReport, moduleReport, reportTotals, type ReportParts } from './initialization-report.js';
export { generalizationByKind } from './generalization-by-kind.js';
export { lossRatio } from './loss-ratio.js';
export { damagedNotice, finishedNotice, processorsNotice, resumedNotice } from './notices.js';
export { transferProgress } from './transfer-progress.js';
export { readKeptStatistics } from './read-kept-statistics.js';
export { recordSolved, type SolvedRecord } from './record-solved.js';
export { amount, extent, fields, list, must, oneOf, optional, text, WHOLE, type Check } from './json-checks.js';
