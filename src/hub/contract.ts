/** Kinds of Hub repositories that quailora reads. */
export type HubRepositoryKind = 'model' | 'dataset';

/** Which repository, at which revision. */
export interface HubRepositoryId {
  readonly kind: HubRepositoryKind;
  /** `organization/name`; the few old models without an organization keep their single word. */
  readonly name: string;
  /** Branch, tag or commit; `main` when absent. */
  readonly revision?: string | undefined;
}

/** Where the Hub is, where its cache lies, and who asks. */
export interface HubSettings {
  /** Address of the Hub, without a slash at its end. */
  readonly endpoint: string;
  /** Directory that holds `models--organization--name` and `datasets--organization--name`. */
  readonly cacheDirectory: string;
  /** Access token; sent to the endpoint's own host only and never printed. */
  readonly token: string | undefined;
  /** True when nothing may be asked of the network: the cache is all there is. */
  readonly offline: boolean;
}

/** One file of a repository at one commit. */
export interface HubFile {
  /** Path inside the repository, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** Checksum of the content, 64 hexadecimal digits; the Hub tells it for large (LFS, Xet) files only. */
  readonly sha256: string | undefined;
}

/** Progress of one file's transfer, in bytes; what an earlier broken transfer left counts as done. */
export interface HubTransfer {
  readonly file: string;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Options of every call that may use the network. */
export interface HubFetchOptions {
  /** Stops the call with the signal's reason; what was received stays on the disk for the next try. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far the transfer is, first of all where it starts; after a wrong checksum it starts at 0 again. */
  readonly onTransfer?: ((transfer: HubTransfer) => void) | undefined;
}

/** How long to insist when the network or the Hub fails. Times in milliseconds; in brackets what holds unless it is given. */
export interface HubPatience {
  /** Tries of one request in a row that bring no new byte, the first included (8: a minute or so). */
  readonly tries: number;
  /** The same while the endpoint never answered and can't be reached (3): a missing network is told soon. */
  readonly firstContactTries: number;
  /** Wait after the first failure (500); each next one is twice as long, and half to all of it by chance. */
  readonly firstWaitMs: number;
  /** Longest of those waits (30,000). */
  readonly longestWaitMs: number;
  /** Longest wait that the Hub may ask for (310,000: its rate limits reset every five minutes); a longer one fails at once. */
  readonly longestRetryAfterMs: number;
  /** A connection that brings no byte for so long counts as dropped (30,000). */
  readonly silenceMs: number;
  /** Waits; rejects with the signal's reason once it is aborted. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Uniform in [0, 1): the jitter of the waits (Math.random; no result depends on it). */
  readonly uniform: () => number;
}

/** Options of opening a repository. */
export interface HubOpenOptions extends HubFetchOptions {
  /** How long to insist. */
  readonly patience?: Partial<HubPatience> | undefined;
}

/** A repository pinned to one commit. */
export interface HubRepository {
  readonly kind: HubRepositoryKind;
  readonly name: string;
  /** As it was asked for. */
  readonly revision: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
  /** Sorted by path. Offline: the files that the cache holds. */
  readonly files: readonly HubFile[];
  /** Snapshot folder in the cache: `models--organization--name/snapshots/COMMIT`. */
  readonly directory: string;
  /** Tells whether the whole file is in the cache already. */
  readonly has: (path: string) => Promise<boolean>;
  /**
   * Brings a file into the cache, unless it is there, and gives its path in the snapshot folder.
   *
   * A broken transfer is resumed; length and checksum are verified before the file appears. Calls at the same time for
   * the same file share one transfer.
   */
  readonly fetch: (path: string, options?: HubFetchOptions) => Promise<string>;
  /** Reads bytes [begin, end) of a file: from the cache where it is there, from the Hub otherwise (not cached). */
  readonly readRange: (path: string, begin: number, end: number, options?: HubFetchOptions) => Promise<Uint8Array>;
  /** Removes a file from the snapshot, and its bytes unless another snapshot links to them. */
  readonly discard: (path: string) => Promise<void>;
}
