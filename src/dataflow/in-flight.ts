import { from, mergeMap, type OperatorFunction } from 'rxjs';

/**
 * Works on at most `count` items at once, from loading to the last stage.
 *
 * The source should emit descriptors, not payloads: `mergeMap` queues what the source emits too early. A payload is
 * loaded inside `project` and must not outlive its promise, so at most `count` payloads are alive.
 *
 * @param count size of the window, at least 1
 */
export const inFlight = <In, Out>(count: number, project: (item: In) => Promise<Out>): OperatorFunction<In, Out> =>
  mergeMap((item) => from(project(item)), count);
