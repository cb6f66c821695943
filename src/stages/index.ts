export {
  INITIALIZER_NAMES,
  KEPT_SUMS,
  STOCK_SETTINGS,
  type AutomaticBudget,
  type Bits,
  type CalibrationChoice,
  type CompareJob,
  type CorrectionChoice,
  type EvaluateJob,
  type HubAccess,
  type ExpertChoice,
  type InitializeJob,
  type InitializerName,
  type JobControl,
  type KeptSums,
  type ModelChoice,
  type PlanJob,
  type ResourceChoice,
  type RefitJob,
  type TokenBudget,
  type VerifyJob,
} from './jobs.js';
export { type ActivationTap, type ActivationTaps, type WorkerTap } from './activation-tap.js';
export {
  askedArithmetic,
  chooseRun,
  openCalibratedRun,
  startRun,
  type CalibratedJob,
  type CalibratedRun,
  type CalibratedRunOptions,
  type ChosenRun,
  type HiddenStatePlace,
} from './calibrated-run.js';
export { deviceFingerprint, requireJobDevice, type DeviceChoice } from './compute-device.js';
export {
  openCorrectionOutput,
  requireLoadableBase,
  type CorrectionOutput,
  type CorrectionOutputOptions,
  type SolvedLayer,
} from './correction-output.js';
export {
  acceptsG,
  sumsG,
  COMPARED_INITIALIZERS,
  keepsWeights,
  moduleKind,
  planCorrection,
  stockInitializer,
  stockQuantizer,
  type CorrectionPlan,
} from './correction-plan.js';
export {
  checkWindows,
  openSourceModel,
  requireFullPrecision,
  weightShard,
  type SourceModel,
  type SourceOptions,
} from './open-source-model.js';
export { walkModel, type FileVisitor, type ModelWalk, type ModelWalkOptions, type WalkedCheckpoint } from './model-walk.js';
export { shardNeeds, type ShardNeeds, type SteppedModel, type WalkStep } from './shard-needs.js';
export { resolvePlaced, type Placed } from './placed.js';
export { Propagation, type Passage, type PassageOptions, type SplitWindows } from './propagation.js';
export { RunClock, type ClockReading } from './run-clock.js';
export { measureGemmRates, measureMachine, type GemmRates } from './measure-machine.js';
export { assumeTokens, countTokens, planRun, type RunParts, type RunTokens } from './plan-run.js';
export { planRefit } from './plan-refit.js';
export { makeScratchDirectory, type ScratchDirectory } from './scratch-directory.js';
export { fingerprintRun, type FingerprintParts } from './fingerprint-run.js';
export { fingerprintRefit } from './fingerprint-refit.js';
export { describeRestored, unfinishedBlocks, type RestoredOutput } from './unfinished-blocks.js';
export { RunCheckpoints, type CheckpointOptions, type RunPosition } from './run-checkpoints.js';
export type { CertifiedShard, QuantizedShard, ShardWeights, WeightShard } from './shard.js';
export { correctStage, quantizeStage, type CorrectStageOptions } from './shard-stages.js';
export type { ExpertPlan } from './expert-plan.js';
export type { BlockRouting, RoutingCounts } from './routing-counts.js';
export {
  foldStatistics,
  unpackStatistic,
  type FoldProgress,
  type InputStatistics,
  type PackedStatistic,
  type RoutedTokens,
  type RunningSum,
  type RunningSums,
} from './statistics.js';
export { versions } from './versions.js';
export { layOutWorkers, type WorkerLayout } from './worker-layout.js';
export { chooseTokens, requireTokenChoice, type ChooseTokensOptions } from './choose-tokens.js';
export { firstTokens } from './first-tokens.js';
export { settleTokens, withTokens, type SettledTokens, type SettleTokensOptions } from './settle-tokens.js';
export type { LossRatios, TokenChoice, TokenChoicePoint } from './token-choice.js';
export { calibrateBlock, passBlock, type BlockProgress, type CalibrateBlockOptions } from './calibrate-block.js';
export { hashSource } from './hash-source.js';
export { dropStatistics, solveBlock, type ShardSink, type SolveBlockOptions } from './solve-block.js';
export { chooseVariant, quantizedVariant, textWindows, weightOnlyInt8 } from './evaluated-model.js';
export { scoreVariant, type ScoredModel, type TextScore } from './score-variant.js';
export type { ModuleClaim, OutputClaims } from './output-claims.js';
export { openVerification, type Verification, type VerificationOptions } from './verification.js';
export { verifyBlock, verifyPlainTensors, type VerifiedShard } from './verify-block.js';
export { calibrationFacts, type CalibrationFacts, type CalibrationText } from './calibration-facts.js';
export { checkSameWeights } from './check-kept.js';
export { openClaimedOutput, outputFiles, type ClaimedOutput, type ClaimedOutputOptions } from './claimed-output.js';
export { openStatisticsKeeper, type KeeperOptions, type StatisticsKeeper } from './keep-statistics.js';
export { KEPT_DIRECTORY, KEPT_INDEX, type KeptFile, type KeptOptions, type KeptStatistics } from './kept-statistics.js';
export { loadStatistics, type KeptPlace, type LoadingRun } from './load-statistics.js';
export { RefitError } from './refit-error.js';
export { chooseRefitRun, type ChosenRefit, type RefitChoice } from './refit-run.js';
export { startSolving, type SolvingRun } from './solving-run.js';
