/** Seconds of a run, at one moment. */
export interface ClockReading {
  readonly seconds: number;
  readonly secondsPerStage: Readonly<Record<string, number>>;
}

/** Seconds since a run began, and seconds spent in each of its stages. */
export class RunClock {
  private begin = performance.now();
  private readonly stages = new Map<string, number>();

  /** Seconds since the run began. */
  get seconds(): number {
    return (performance.now() - this.begin) / 1000;
  }

  /** Seconds of each stage, summed over the items that were worked on at once. */
  get secondsPerStage(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.stages);
  }

  /** What the clock shows now. */
  read(): ClockReading {
    return { seconds: this.seconds, secondsPerStage: this.secondsPerStage };
  }

  /** Adds what earlier attempts at the same run took: the longest of their readings, for each goes on from the one before. */
  goOnFrom(readings: readonly ClockReading[]): void {
    const [longest] = [...readings].sort((a, b) => b.seconds - a.seconds);
    if (!longest) return;
    this.begin -= 1000 * longest.seconds;
    for (const [stage, more] of Object.entries(longest.secondsPerStage)) this.add(stage, more);
  }

  /** Adds to a stage. */
  readonly add = (stage: string, seconds: number): void => {
    this.stages.set(stage, (this.stages.get(stage) ?? 0) + seconds);
  };

  /** Adds what some work takes to a stage. */
  async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await work();
    } finally {
      this.add(stage, (performance.now() - begin) / 1000);
    }
  }
}
