import type { MatrixEngine } from '../runtime/index.js';

/** What a stage may use while it works on an item. */
export interface StageContext {
  /** Matrix products, computed by the workers. */
  readonly linalg: MatrixEngine;
  /** Aborted when the run is to end. */
  readonly signal: AbortSignal;
}

/**
 * One step of a pipeline: takes an item, returns another.
 *
 * A stage is an object passed by value; nothing is registered.
 */
export interface Stage<In, Out> {
  /** For progress, reports and errors: `quantize`, `initialize`, … */
  readonly name: string;
  /** Items it works on at once; it never raises the number of items in flight. */
  readonly concurrency: number;
  /** Works on one item; a failure ends the pipeline. */
  run(item: In, context: StageContext): Promise<Out>;
}
