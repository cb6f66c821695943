/** A stream whose first bytes are known, and which still begins with them. */
export interface Peeked {
  /** At least as many bytes as asked for, unless the stream is shorter. */
  readonly head: Uint8Array;
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;
}

/** Looks at the first bytes of a stream; the stream given is used up by the one that comes back. */
export const peek = async (chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<Peeked> => {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < bytes) {
    const next = await iterator.next();
    if (next.done) break;
    head = head.length ? Buffer.concat([head, next.value]) : next.value;
  }
  const again = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (head.length) yield head;
      for (;;) {
        const next = await iterator.next();
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  };
  return { head, chunks: again() };
};
