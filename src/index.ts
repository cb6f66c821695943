/**
 * quailora's public interface: what the author of a pipeline needs.
 *
 * The pipelines themselves are imported by their own path, for instance `quailora/pipelines/initialize`.
 *
 * @packageDocumentation
 */

export { CheckpointReadError, MalformedCheckpointError } from './checkpoint/index.js';
export { CorpusError, TokenizerError } from './corpus/index.js';
export { AdapterError } from './evaluation/index.js';
export { OutputClaimError } from './journal/index.js';
export { MalformedConfigError, UnsupportedModelError } from './models/index.js';
export { MalformedReportError } from './reports/index.js';
export { ModuleReferenceError, RuntimeError } from './runtime/index.js';

export {
  columnsOf,
  isRowMajor,
  matrix,
  QuailoraError,
  random,
  rowMajor,
  rowsOf,
  ShapeMismatchError,
  transposed,
  fromFloat32,
  roundTo,
  toFloat32,
} from './foundation/index.js';
export type { DType, FloatDType, Matrix, QuailoraErrorOptions, Random, RawTensor } from './foundation/index.js';

export { inFlight, inSequence, limited, StageError, usingResource } from './dataflow/index.js';
export type { Ending, Stage, StageContext, StageObserver } from './dataflow/index.js';

export { chunkTokens, chunkValues, chunkWidth, MalformedChunkError } from './transport/index.js';
export type { ActivationChunk, ActivationChunkHeader } from './transport/index.js';

export type { MatrixEngine, ModuleReference, MultiplyOptions } from './runtime/index.js';
export { ConvergenceError, orthonormalize, RankError, topEigenpairs, truncatedSvd } from './linalg/index.js';

export { int8, nf4, QUANTIZERS, QuantizationError } from './quantizers/index.js';
export type { QuantizedMatrix, QuantizeOptions, Quantizer } from './quantizers/index.js';

export {
  als,
  balanced,
  CertificateError,
  certify,
  exact,
  loftq,
  StatisticError,
  stockInitializers,
  svd,
  zero,
} from './initializers/index.js';
export type {
  AlsOptions,
  Certificate,
  Factors,
  Initializer,
  InitializerContext,
  InitializerProblem,
  Statistic,
} from './initializers/index.js';

export type { ChunkConsumer } from './calibration/index.js';

export { calibrateBlock, foldStatistics, openCalibratedRun, openCorrectionOutput, solveBlock, STOCK_SETTINGS } from './stages/index.js';
export { certifyStage, initializeStage, quantizeStage } from './stages/index.js';
export type {
  ActivationTap,
  ActivationTaps,
  CompareJob,
  EvaluateJob,
  InitializeJob,
  Placed,
  VerifyJob,
  WorkerTap,
} from './stages/index.js';

export type { ComparisonReport, EvaluationReport, InitializationReport, ProgressEvent, VerificationReport } from './reports/index.js';
