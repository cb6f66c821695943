import type { Checkpoint, ShardSupply } from '../checkpoint/index.js';
import type { RunClock } from './run-clock.js';
import { shardNeeds, type ShardNeeds, type SteppedModel, type WalkStep } from './shard-needs.js';

/** Does something with a shard file while it is on the disk. */
export type FileVisitor = (file: string) => Promise<void>;

/** One way through a model, with the shards of each step on the disk when it is taken. */
export interface ModelWalk {
  /**
   * Settles when everything a step reads is on the disk; then the next step's shards are fetched meanwhile. Shards that
   * no step from here on reads are let go. Calls for a step that is reached or passed do nothing.
   *
   * @throws as `ShardSupply.require`
   */
  arrive(step: WalkStep): Promise<void>;
  /** Has each of these files visited once: before it is let go, or in `finish`. */
  visit(files: Iterable<string>, visitor: FileVisitor): void;
  /** Visits what was not visited, file by file, and lets all shards go. @throws as `arrive` and the visitor */
  finish(): Promise<void>;
}

/** Which way is taken. */
export interface ModelWalkOptions {
  /** True where the head will score at the end, so that its shards are kept and fetched ahead like the others. */
  readonly scores: boolean;
  /** True to have every shard before the first step. */
  readonly prefetch?: boolean | undefined;
  /** Told how long steps waited for their shards, as the stage `download`. */
  readonly clock?: RunClock | undefined;
}

/** The checkpoint that is walked through. */
export interface WalkedCheckpoint extends Pick<Checkpoint, 'tensors'> {
  readonly supply?: Pick<ShardSupply, 'files' | 'require' | 'release'>;
}

class SuppliedWalk implements ModelWalk {
  readonly #steps: readonly WalkStep[];
  readonly #needs: ShardNeeds;
  readonly #here = new Set<string>();
  readonly #visits: { readonly waiting: Set<string>; readonly visitor: FileVisitor }[] = [];
  #reached = -1;
  #last: Promise<void> = Promise.resolve();

  constructor(
    readonly checkpoint: WalkedCheckpoint,
    model: SteppedModel,
    readonly options: ModelWalkOptions,
  ) {
    this.#steps = ['entry', ...Array.from({ length: model.blocks }, (_, block) => block), 'head'];
    this.#needs = shardNeeds(checkpoint, model);
  }

  arrive(step: WalkStep): Promise<void> {
    const place = this.#steps.indexOf(step);
    if (place > this.#reached) {
      const first = this.#reached < 0;
      this.#reached = place;
      this.#last = this.#last.then(() => this.#goTo(place, first && this.options.prefetch === true));
    }
    return this.#last;
  }

  visit(files: Iterable<string>, visitor: FileVisitor): void {
    this.#visits.push({ waiting: new Set(files), visitor });
  }

  async finish(): Promise<void> {
    await this.#last;
    await this.#letGo([...this.#here]);
    for (const file of new Set(this.#visits.flatMap(({ waiting }) => [...waiting]))) {
      await this.checkpoint.supply?.require([file]);
      await this.#letGo([file]);
    }
  }

  async #goTo(place: number, fetchAll: boolean): Promise<void> {
    const { supply } = this.checkpoint;
    if (!supply) return;
    const needs = this.#needs(this.#steps[place]!);
    const kept = new Set([...needs, ...this.#steps.slice(place + 1).flatMap((step) => [...this.#planned(step)])]);
    await this.#letGo([...this.#here].filter((file) => !kept.has(file)));
    const needed = fetchAll ? supply.files : needs;
    const waiting = supply.require(needed);
    await (this.options.clock?.time('download', () => waiting) ?? waiting);
    for (const file of needed) this.#here.add(file);
    const next = this.#steps[place + 1];
    // A failure here is not lost: the next step requires the same files, and so tries again.
    if (next !== undefined) supply.require(this.#planned(next)).catch(() => undefined);
  }

  #planned(step: WalkStep): ReadonlySet<string> {
    return step === 'head' && !this.options.scores ? new Set() : this.#needs(step);
  }

  async #letGo(files: readonly string[]): Promise<void> {
    for (const file of files) {
      for (const { waiting, visitor } of this.#visits) if (waiting.delete(file)) await visitor(file);
      this.#here.delete(file);
    }
    await this.checkpoint.supply?.release(files);
  }
}

/** Begins a way through a model. */
export const walkModel = (checkpoint: WalkedCheckpoint, model: SteppedModel, options: ModelWalkOptions): ModelWalk =>
  new SuppliedWalk(checkpoint, model, options);
