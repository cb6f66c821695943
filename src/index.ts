/**
 * quailora's public interface: what the author of a pipeline needs.
 *
 * The pipelines themselves are imported by their own path, for instance `quailora/pipelines/initialize`.
 *
 * @packageDocumentation
 */

export {
  ByteLedger,
  columnsOf,
  fromFloat32,
  isRowMajor,
  matrix,
  QuailoraError,
  random,
  roundTo,
  rowMajor,
  rowsOf,
  ShapeMismatchError,
  TextFileError,
  toFloat32,
  transposed,
  type DType,
  type FloatDType,
  type Matrix,
  type QuailoraErrorOptions,
  type Random,
  type RawTensor,
} from './foundation/index.js';

export { HubError, openHubRepository, readHubSettings, type HubErrorOptions } from './hub/index.js';
export type { HubFetchOptions, HubFile, HubOpenOptions, HubPatience, HubTransfer } from './hub/index.js';
export type { HubRepository, HubRepositoryId, HubRepositoryKind, HubSettings } from './hub/index.js';

export { inFlight, inSequence, limited, StageError, usingResource } from './dataflow/index.js';
export type { Ending, Stage, StageContext, StageObserver } from './dataflow/index.js';

export {
  chunkTokens,
  chunkValues,
  chunkWidth,
  MalformedChunkError,
  readStatistic,
  StatisticFileError,
  writeStatistic,
  type ActivationChunk,
  type ActivationChunkHeader,
  type KeptStatistic,
  type StatisticMeaning,
  type WrittenStatistic,
} from './transport/index.js';

export { CheckpointReadError, MalformedCheckpointError } from './checkpoint/index.js';
export type { AnnouncedHash, Checkpoint, ShardSupply, TensorLocation } from './checkpoint/index.js';

export {
  CorpusError,
  TokenizerError,
  type RecordCounts,
  type SelectedWindows,
  type TextShape,
  type Tokenizer,
  type Window,
} from './corpus/index.js';
export type { DatasetSplit, FileType } from './corpus/index.js';

export { MalformedConfigError, UnsupportedModelError } from './models/index.js';
export type { ExpertInput, ExpertMatrix, ExpertMixture } from './models/index.js';
export type { BlockGraphOptions, BlockInput, CausalModel, LinearForm, LinearLayer, ModelPiece, WindowOptions } from './models/index.js';

export { DeviceError, ModuleReferenceError, RuntimeError, type Device } from './runtime/index.js';
export type { MatrixEngine, ModuleReference, MultiplyOptions, WorkerPool } from './runtime/index.js';

export { ArithmeticError, type Arithmetic, type ArithmeticChoice, type AskedArithmetic } from './planning/index.js';

export { ConvergenceError, orthonormalize, RankError, topEigenpairs, truncatedSvd } from './linalg/index.js';
export type { SymmetricOperator, TopEigenpairs, TopEigenpairsOptions, TruncatedSvd, TruncatedSvdOptions } from './linalg/index.js';

export {
  int8,
  nf4,
  QuantizationError,
  quantizeResidual,
  QUANTIZERS,
  type Quantize,
  type QuantizedMatrix,
  type QuantizedResidual,
  type QuantizedTensors,
  type QuantizeOptions,
  type Quantizer,
} from './quantizers/index.js';

export type {
  ChunkConsumer,
  FedLayer,
  FedWeight,
  HiddenStateBudget,
  HiddenStates,
  PassageSeconds,
  PropagateResult,
  Run,
  Segment,
  SegmentSizes,
  Split,
  SummedInput,
  SummedResidual,
  SymmetricPanels,
} from './calibration/index.js';

export {
  als,
  balanced,
  CertificateError,
  certify,
  exact,
  loftq,
  residualProducts,
  StatisticError,
  stockInitializers,
  svd,
  WeightsError,
  zero,
} from './initializers/index.js';
export type {
  AlsOptions,
  Certificate,
  CertifiedLayer,
  Factors,
  Initializer,
  InitializerContext,
  InitializerProblem,
  ResidualProducts,
} from './initializers/index.js';
export type { LayerLoss, LoftqOptions, Statistic, StockInitializerOptions, ZeroOptions } from './initializers/index.js';

export { AdapterError, type VerificationFailure } from './evaluation/index.js';

export { BudgetError, DiskError } from './planning/index.js';
export type { DiskNeed, ExecutionPlan, ExpertShape, FloatChoices, MachineSpeed, Operations } from './planning/index.js';
export type { PlannedPilot, PlannedStage, PlannedTokens, RunLayout, StageBytes, SumShape, TokenTime } from './planning/index.js';

export {
  JournalError,
  OutputClaimError,
  type ClaimOptions,
  type FingerprintValue,
  type OutputClaim,
  type RunFingerprint,
  type WrittenFile,
} from './journal/index.js';

export {
  calibrateBlock,
  chooseTokens,
  firstTokens,
  foldStatistics,
  openCalibratedRun,
  openCorrectionOutput,
  solveBlock,
  STOCK_SETTINGS,
} from './stages/index.js';
export { chooseRefitRun, loadStatistics, openClaimedOutput, openStatisticsKeeper, RefitError, startSolving } from './stages/index.js';
export { correctStage, INITIALIZER_NAMES, Propagation, quantizeStage, RunClock } from './stages/index.js';
export type {
  CalibrationFacts,
  CalibrationText,
  ClaimedOutput,
  ClaimedOutputOptions,
  KeptFile,
  KeptOptions,
  KeptPlace,
} from './stages/index.js';
export type {
  ChosenRefit,
  KeeperOptions,
  KeptStatistics,
  KeptSums,
  LoadingRun,
  RefitChoice,
  RefitJob,
  SolvingRun,
  StatisticsKeeper,
} from './stages/index.js';
export type {
  BlockProgress,
  BlockRouting,
  ClockReading,
  ExpertChoice,
  ExpertPlan,
  FoldProgress,
  RoutedTokens,
  RoutingCounts,
} from './stages/index.js';
export type { RunningSum, RunningSums } from './stages/index.js';
export type { ActivationTap, ActivationTaps, Placed, WorkerTap } from './stages/index.js';
export type { AutomaticBudget, ChooseTokensOptions, LossRatios, TokenChoice, TokenChoicePoint } from './stages/index.js';
export type {
  Bits,
  CalibrationChoice,
  CorrectionChoice,
  DeviceChoice,
  InitializerName,
  JobControl,
  ResourceChoice,
  TokenBudget,
} from './stages/index.js';
export type { CalibratedJob, CompareJob, EvaluateJob, HubAccess, InitializeJob, ModelChoice, PlanJob, VerifyJob } from './stages/index.js';
export type { CalibratedRunOptions, ChosenRun, FileVisitor, ModelWalk, WalkStep } from './stages/index.js';
export type { CalibratedRun, CalibrateBlockOptions, CorrectionOutput, CorrectionOutputOptions, CorrectionPlan } from './stages/index.js';
export type {
  CorrectStageOptions,
  InputStatistics,
  Passage,
  PassageOptions,
  ShardSink,
  SolveBlockOptions,
  SolvedLayer,
} from './stages/index.js';
export type {
  CertifiedShard,
  PackedStatistic,
  QuantizedShard,
  ShardWeights,
  SourceModel,
  SplitWindows,
  WeightShard,
} from './stages/index.js';

export { MalformedReportError, readKeptStatistics } from './reports/index.js';
export type { ComparedInitializer, ComparisonReport, EvaluationReport, InitializationReport, VerificationReport } from './reports/index.js';
export type {
  HeldOutLoss,
  KindGeneralization,
  LargestBytes,
  LossWeighting,
  ModuleLoss,
  ModuleReport,
  PlanReport,
  WorkReport,
  RefitOrigin,
  ReportTotals,
  ShardHash,
} from './reports/index.js';
export type { ExpertMatrixReport, ExpertReport } from './reports/index.js';
export type { ModuleEvent, NoticeEvent, ProgressEvent, ResultEvent, StageEvent, StartEvent } from './reports/index.js';
