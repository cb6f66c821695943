import type { MachineSpeed, Operations } from './execution-plan.js';

/**
 * Part of the rate of bare float32 products that each kind of work is taken to reach, the rest of its time being element-wise work,
 * copies and the solver's small matrices. Assumed, not fitted: report.json (`work`) says what a run reached.
 */
const EFFICIENCY = { forward: 0.6, sums: 0.7, solve: 0.4, certify: 0.6 } as const;

/** Starting Node, the workers and the model. */
const START_SECONDS = 1.5;

/** Estimates the seconds of a run from its operations and the machine's speed. */
export const estimateSeconds = (operations: Operations, { gemmOperationsPerSecond, weightsPerSecond }: MachineSpeed): number => {
  const products = (['forward', 'sums', 'solve', 'certify'] as const).reduce((sum, name) => sum + operations[name] / EFFICIENCY[name], 0);
  return START_SECONDS + products / gemmOperationsPerSecond + operations.quantizedWeights / weightsPerSecond;
};
