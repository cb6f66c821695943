import type { DType } from '../foundation/index.js';

/** Where one tensor lies on disk. */
export interface TensorLocation {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Absolute real path of the shard (links resolved); the shard may have to be required first, see `ShardSupply`. */
  readonly file: string;
  /** Bytes from the start of the file (header included). */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** SHA-256 that the source of a shard tells, or that its bytes have. */
export interface AnnouncedHash {
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** True where the shard's bytes have it, or will be compared with it before the shard appears. */
  readonly verified: boolean;
}

/** Brings the shards of a checkpoint that is not on the disk as a whole. */
export interface ShardSupply {
  /** Commit that the shards belong to, 40 hexadecimal digits. */
  readonly commit: string;
  /** Every shard's `TensorLocation.file`, also of those that a view of the checkpoint leaves out. */
  readonly files: readonly string[];
  /**
   * Settles when these shards are on the disk; calls at the same time share one transfer.
   *
   * @param files `TensorLocation.file` of what will be read
   * @throws HubError, FileWriteError as `HubRepository.fetch`; the signal's reason
   */
  require(files: Iterable<string>): Promise<void>;
  /** Lets shards go: where shards are to be discarded, those that this supply brought are removed. */
  release(files: Iterable<string>): Promise<void>;
  /**
   * What is known of a shard's bytes, by its file name in the checkpoint: the same whether it is still to come or lies in a cache.
   *
   * @throws CheckpointReadError QL_SHARD_READ
   *
   * Cost: reads a cached shard of which the source tells no hash, once.
   */
  announced(shard: string): Promise<AnnouncedHash>;
  /** Stops transfers, which the next run resumes, and lets every shard go. */
  close(): Promise<void>;
}

/** A Hugging Face checkpoint, opened: every header read and checked, no weight read. */
export interface Checkpoint {
  /** Absolute real path of the directory that holds its small files. */
  readonly directory: string;
  /** Text of config.json, byte for byte (numbers like 1e-05 must survive a rewrite). */
  readonly configText: string;
  /** The same, parsed. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Shard files in order, relative to the directory. */
  readonly shards: readonly string[];
  readonly tensors: ReadonlyMap<string, TensorLocation>;
  /** Brings the shards; absent where all of them are on the disk. */
  readonly supply?: ShardSupply;
}
