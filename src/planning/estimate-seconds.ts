import type { MachineSpeed, Operations } from './execution-plan.js';

/**
 * Part of the rate of bare products that attention's products with their softmax, and the certificate's with their transposes, reach.
 *
 * Set by the stages of three runs (llama 576, 1024 and 2048 wide, AVX512-VNNI). Norms and activation functions are not
 * counted: that a graph packs its constant weights once pays for them.
 */
const SHARE = { attention: 0.3, certify: 0.65 } as const;

/** Starting Node, the workers and the model. */
const START_SECONDS = 1.5;

/** Estimates the seconds of a run from its operations and the machine's speed. */
export const estimateSeconds = (operations: Operations, speed: MachineSpeed): number => {
  const { forward, attention, sums, solve, thin, certify, solvedRows, quantizedWeights, loadedWeights } = operations;
  const seconds = {
    linear: (forward - attention) / speed.linearOperationsPerSecond,
    attention: attention / SHARE.attention / speed.gemmOperationsPerSecond,
    sums: sums / speed.sumOperationsPerSecond,
    solve: (solve - thin) / speed.gemmOperationsPerSecond + thin / speed.thinOperationsPerSecond,
    certify: certify / SHARE.certify / speed.gemmOperationsPerSecond,
    solver: solvedRows / speed.solvedRowsPerSecond,
    // Slicing or converting a weight takes about as long as quantizing it.
    weights: (quantizedWeights + loadedWeights) / speed.weightsPerSecond,
  };
  return START_SECONDS + Object.values(seconds).reduce((sum, part) => sum + part, 0);
};
