/** Adds up the seconds that some work takes, by what it is for. */
export class Stopwatch<Name extends string> {
  readonly #seconds: Record<Name, number>;

  /** Begins with what each kind of work has taken already. */
  constructor(seconds: Readonly<Record<Name, number>>) {
    this.#seconds = { ...seconds };
  }

  /** The sums so far. */
  get seconds(): Readonly<Record<Name, number>> {
    return { ...this.#seconds };
  }

  /** Adds what some work takes, also when it fails. */
  async time<T>(name: Name, work: () => T | Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await work();
    } finally {
      this.#seconds[name] += (performance.now() - begin) / 1000;
    }
  }
}
