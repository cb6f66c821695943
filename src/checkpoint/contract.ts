import type { DType } from '../foundation/index.js';

/** Where one tensor lies on disk. */
export interface TensorLocation {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Absolute real path of the shard (links resolved). */
  readonly file: string;
  /** Bytes from the start of the file (header included). */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** A Hugging Face checkpoint directory, opened: every header read and checked, no weight read. */
export interface Checkpoint {
  /** Absolute real path of the directory. */
  readonly directory: string;
  /** Text of config.json, byte for byte (numbers like 1e-05 must survive a rewrite). */
  readonly configText: string;
  /** The same, parsed. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Shard files in order, relative to the directory. */
  readonly shards: readonly string[];
  readonly tensors: ReadonlyMap<string, TensorLocation>;
}
