import type { MachineSpeed, Operations } from './execution-plan.js';

/**
 * Part of the rate of bare products that each kind of work reaches, the rest of its time being element-wise work, copies and
 * the solver's small matrices; measured on SmolLM2's and on 2048-wide blocks.
 */
const EFFICIENCY = { forward: 0.6, sums: 0.7, solve: 0.4, certify: 0.6 } as const;

/** Starting Node, the workers and the model. */
const START_SECONDS = 1.5;

/** Estimates the seconds of a run from its operations and the machine's speed. */
export const estimateSeconds = (operations: Operations, { gemmOperationsPerSecond, weightsPerSecond }: MachineSpeed): number => {
  const products = (['forward', 'sums', 'solve', 'certify'] as const).reduce((sum, name) => sum + operations[name] / EFFICIENCY[name], 0);
  return START_SECONDS + products / gemmOperationsPerSecond + operations.quantizedWeights / weightsPerSecond;
};
