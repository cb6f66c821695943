import { availableParallelism } from 'node:os';

/** How the arithmetic is spread over the machine; never changes a result. */
export interface WorkerLayout {
  /** Worker threads; each holds a block's weights. */
  readonly workers: number;
  /** Threads inside one product of each worker. */
  readonly threads: number;
}

/** Lays out a job's workers: as many as asked for, else one for each available core; cores that are left work inside their products. */
export const layOutWorkers = ({ workers }: { readonly workers?: number }): WorkerLayout => {
  const cores = Math.max(1, availableParallelism());
  const count = workers ?? cores;
  return { workers: count, threads: Math.max(1, Math.floor(cores / count)) };
};
