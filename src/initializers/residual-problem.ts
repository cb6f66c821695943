import { WeightsError } from './initializer-errors.js';
import type { InitializerProblem } from './contract.js';

/**
 * Makes the problem of a layer of which only E is held.
 *
 * Reading its W or its quantization is a mistake of the initializer, which said that it does without: QL_WEIGHTS.
 */
export const residualProblem = (known: Omit<InitializerProblem, 'W' | 'quantized'>): InitializerProblem => {
  const refuse = (what: string): never => {
    throw new WeightsError(`${known.module}: the initializer read ${what}, but says usesWeights: false. Say true, and it is held.`);
  };
  return {
    ...known,
    get W() {
      return refuse('W');
    },
    get quantized() {
      return refuse('the quantization of W');
    },
  };
};
