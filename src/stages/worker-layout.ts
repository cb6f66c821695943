import { availableParallelism } from 'node:os';
import type { JobControl } from './jobs.js';

/** How the arithmetic is spread over the machine; never changes a result. */
export interface WorkerLayout {
  /** Worker threads; each holds a block's weights. */
  readonly workers: number;
  /** Threads inside one product of each worker. */
  readonly threads: number;
}

/** Workers that a job asks for; one where they would share a GPU, undefined where it asks for none. */
export const askedWorkers = ({ workers, device = 'cpu' }: Pick<JobControl, 'workers' | 'device'>): number | undefined =>
  device === 'cpu' ? workers : 1;

/** Lays out a job's workers: as many as asked for, else one for each available core; cores that are left work inside their products. */
export const layOutWorkers = (job: Pick<JobControl, 'workers' | 'device'>): WorkerLayout => {
  const cores = Math.max(1, availableParallelism());
  const count = askedWorkers(job) ?? cores;
  return { workers: count, threads: Math.max(1, Math.floor(cores / count)) };
};
