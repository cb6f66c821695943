import { rowMajor, type Matrix } from '../foundation/index.js';
import { balance } from '../linalg/index.js';
import type { Factors, InitializerContext } from './contract.js';

const isZero = (M: Matrix): boolean => rowMajor(M).every((value) => value === 0);

/**
 * Balances the factors of any initializer, AᵀA = BᵀB, without changing their product.
 *
 * A product that is zero because one factor is (the baseline) is left as it is: balancing would zero both, and
 * training could not start.
 *
 * @returns the same Q, if the initializer chose its own
 */
export const balanced = async (factors: Factors, { linalg }: InitializerContext): Promise<Factors> =>
  isZero(factors.A) || isZero(factors.B) ? factors : { ...factors, ...(await balance(factors.A, factors.B, linalg)) };
