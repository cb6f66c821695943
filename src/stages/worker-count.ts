import { availableParallelism } from 'node:os';

/** Workers of a job: as many as asked for, else one for each available core. */
export const workerCount = ({ workers }: { readonly workers?: number }): number => workers ?? Math.max(1, availableParallelism());
