import type { ExecutionPlan } from './execution-plan.js';
import { RESERVE } from './memory-costs.js';
import { BudgetError, DiskError } from './planning-errors.js';

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;

/**
 * Refuses a plan that memory or disk can't keep.
 *
 * @throws BudgetError QL_BUDGET; retrying does not help
 * @throws DiskError QL_DISK; it may succeed when there is more room
 */
export const requireFit = ({
  peakBytes,
  peakAt,
  budgetBytes,
  machineBytes,
  disks,
  advice,
}: Pick<ExecutionPlan, 'peakBytes' | 'peakAt' | 'budgetBytes' | 'machineBytes' | 'disks' | 'advice'>): void => {
  const limit = budgetBytes ?? machineBytes;
  if (RESERVE * peakBytes > limit)
    throw new BudgetError(
      `The run would hold ${mebibytes(peakBytes)} (${peakAt}), to which a tenth is added in reserve, but ${budgetBytes === null ? 'the machine has' : 'its budget is'} ${mebibytes(limit)}. ${advice.join(' ')}`,
    );
  if (disks.some(({ neededBytes, freeBytes }) => neededBytes > freeBytes))
    throw new DiskError(`The run would not find room for its files. ${advice.join(' ')}`);
};
