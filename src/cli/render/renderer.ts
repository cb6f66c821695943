import type { ProgressEvent } from '../../reports/index.js';

/** A closing table, and what a reader must know with it. */
export interface Summary {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Shows a run while it goes on, and its result. */
export interface Renderer<Result> {
  show(event: ProgressEvent<Result>): void;
  /** Leaves the terminal as it was found; calling it again does nothing. */
  close(): void;
}
