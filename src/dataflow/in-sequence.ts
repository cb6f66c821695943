import { concat, concatMap, defer, EMPTY, type OperatorFunction } from 'rxjs';

/**
 * Puts items back in the order of their sequence numbers, whatever order they arrive in.
 *
 * Sums of floats depend on their order; this makes them independent of which worker finished first. Items that are
 * early wait here: as many as overtake the slowest one, so items should take about equally long.
 *
 * @param sequenceOf numbers items `first`, `first` + 1, … without gaps
 * @throws RangeError when a number comes twice, or is missing at the end
 */
export const inSequence =
  <Item>(sequenceOf: (item: Item) => number, first = 0): OperatorFunction<Item, Item> =>
  (source$) =>
    defer(() => {
      const waiting = new Map<number, { readonly item: Item }>();
      let next = first;
      const ordered$ = source$.pipe(
        concatMap((item) => {
          const sequence = sequenceOf(item);
          if (sequence < next || waiting.has(sequence)) throw new RangeError(`Item ${sequence} came twice.`);
          waiting.set(sequence, { item });
          const ready: Item[] = [];
          for (let head = waiting.get(next); head; head = waiting.get(next)) {
            waiting.delete(next++);
            ready.push(head.item);
          }
          return ready;
        }),
      );
      const checked$ = defer(() => {
        if (waiting.size > 0) throw new RangeError(`Item ${next} never came, but ${waiting.size} after it did.`);
        return EMPTY;
      });
      return concat(ordered$, checked$);
    });
