import pLimit from 'p-limit';
import { StageError } from './stage-error.js';
import type { Stage, StageContext } from './stage.js';

/** Tells what ran for how long, after each item. */
export type StageObserver = (stage: string, seconds: number) => void;

/**
 * Binds a stage to a limiter of its own.
 *
 * The limiter must live inside one `inFlight` window: it bounds work, the window bounds what waits for it.
 *
 * @param describe names an item for errors
 * @throws StageError with the code of the failure underneath
 */
export const limited = <In, Out>(
  stage: Stage<In, Out>,
  context: StageContext,
  describe: (item: In) => string,
  observe: StageObserver = () => undefined,
): ((item: In) => Promise<Out>) => {
  const limit = pLimit(stage.concurrency);
  return (item) =>
    limit(async () => {
      context.signal.throwIfAborted();
      const begin = performance.now();
      try {
        return await stage.run(item, context);
      } catch (cause) {
        if (context.signal.aborted) throw cause;
        throw new StageError(stage.name, describe(item), cause);
      } finally {
        observe(stage.name, (performance.now() - begin) / 1000);
      }
    });
};
