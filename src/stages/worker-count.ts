import { availableParallelism } from 'node:os';
import type { JobControl } from './jobs.js';

/** Workers of a job: as many as asked for, else one for each available core; one where they would share a GPU. */
export const workerCount = ({ workers, device = 'cpu' }: Pick<JobControl, 'workers' | 'device'>): number =>
  device === 'cpu' ? (workers ?? Math.max(1, availableParallelism())) : 1;
