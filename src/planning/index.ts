export {
  ARITHMETICS,
  ArithmeticError,
  chooseArithmetic,
  decideArithmetic,
  fingerprintArithmetic,
  type Arithmetic,
  type ArithmeticChoice,
  type AskedArithmetic,
} from './choose-arithmetic.js';
export { chooseStatistic, chooseStatistics, type StatisticChoice } from './choose-statistics.js';
export { countPilotBlocks } from './count-pilot-blocks.js';
export { cutDoublings } from './cut-doublings.js';
export { fitTokenCurve, type TokenCurve, type TokenPoint } from './fit-token-curve.js';
export { leastExpertTokens } from './least-expert-tokens.js';
export type {
  DiskNeed,
  ExecutionPlan,
  FloatChoices,
  MachineSpeed,
  Operations,
  PlannedPilot,
  PlannedStage,
  PlannedTokens,
  RunLayout,
  StageBytes,
  TokenTime,
} from './execution-plan.js';
export { explainStatistic } from './explain-statistic.js';
export type { ActivationShape, BlockShape, ExpertShape, MatrixShape, ModelShape, SumShape } from './model-shape.js';
export { panelValues } from './panel-values.js';
export { planExecution, type FreeSpace, type PlanRequest } from './plan-execution.js';
export { planSolving, type SolvingPlan } from './plan-solving.js';
export { BudgetError, DiskError } from './planning-errors.js';
export { requireFit } from './require-fit.js';
export type { PilotShape, SolveShape } from './run-shape.js';
export type { OpenRun } from './choose-layout.js';
export { mostPilotTokens } from './most-pilot-tokens.js';
