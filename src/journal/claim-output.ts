import { lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { failAfterClosing, syncDirectory, writing } from '../foundation/index.js';
import { OutputClaimError } from './output-claim-error.js';
import { lockOutput, type OutputLock } from './output-lock.js';
import { OUTPUT_NAMES, outputState, type OutputState } from './output-state.js';
import { JournalError, readRecord, writeRecord } from './record-file.js';
import { requireNoLinks } from './require-no-links.js';
import { removeFormerWork, removeIfEmpty } from './remove-left-over.js';
import { fingerprintDifferences, type RunFingerprint } from './run-fingerprint.js';
import { JOURNAL_FILE, REMOVED_DIRECTORY, SOURCE_HASHES_FILE, workDirectoryOf } from './work-directory.js';

/** How an output directory is taken. */
export interface ClaimOptions {
  /** What decides the bytes that this run will write. */
  readonly fingerprint: RunFingerprint;
  /** Remove what an earlier run wrote, finished or not; other files are never touched. */
  readonly fresh: boolean;
  /** False for a run that can't go on where another one stopped: an unfinished one is then started over. */
  readonly resumable: boolean;
  /** Directory to make a directory for large files in; the work directory when left out. */
  readonly scratch?: string | undefined;
  /** Kind of the processor that computes, on which last bits depend; it is recorded, and never refused. */
  readonly processor?: string | undefined;
}

/** The right to write to an output directory, held for one run. */
export interface OutputClaim {
  /** Directory for finished pieces and records; it outlives a run that is killed. */
  readonly workDirectory: string;
  /** Directory for large files that are read again, such as hidden states. */
  readonly scratchDirectory: string;
  /** Kinds of processors that attempts at this run had, this one's last. */
  readonly processors: readonly string[];
  /** Ends the run: the directory counts as finished, what it was made from is removed. Call it after report.json is written. */
  finish(): Promise<void>;
  /** Gives up: what is finished is kept for the next run; a directory in which nothing is finished is left as it was found. */
  abandon(): Promise<void>;
}

/** What journal.json says. */
interface Journal {
  readonly version: 1;
  readonly fingerprint: RunFingerprint;
  readonly scratch: string;
  /** True while what an earlier run wrote is being removed. */
  readonly clearing: boolean;
  /** Kinds of processors that attempts had; left out by versions that did not ask. */
  readonly processors?: readonly string[];
}

const SCRATCH_PREFIX = 'scratch-';

/** Names in the work directory that are not there because something is finished. */
const isBookkeeping = (name: string): boolean => [JOURNAL_FILE, SOURCE_HASHES_FILE].includes(name) || name.startsWith('lock-');

const readJournal = async (output: string): Promise<Journal | undefined> => {
  const path = join(workDirectoryOf(output), JOURNAL_FILE);
  const record = await readRecord(path);
  if (record === undefined) return undefined;
  const journal = record === 'damaged' ? undefined : (record.value as Journal);
  if (journal?.version !== 1)
    throw new JournalError(
      'QL_JOURNAL',
      `${path} is damaged, or was written by another version of quailora, so what is in ${output} can't be used. Start over with --fresh.`,
    );
  return journal;
};

/** True for a directory that `makeScratch` may have made for this output: a record names what is removed, and may be anybody's. */
const isOurScratch = (output: string, scratch: string): boolean => {
  const name = basename(scratch);
  const isInside = dirname(scratch) === workDirectoryOf(output);
  return (isInside ? /^scratch-\w{6}$/ : /^\.quailora-scratch-\w{6}$/).test(name);
};

/**
 * Names the scratch directory of the run that an output's journal tells of, wherever it lies; a journal that can't be used tells of none.
 *
 * @throws JournalError QL_JOURNAL_READ
 */
export const earlierScratch = async (output: string): Promise<string | undefined> => {
  const journal = await readJournal(output).catch((error: unknown) => {
    if (error instanceof JournalError && error.code === 'QL_JOURNAL') return undefined;
    throw error;
  });
  return journal && isOurScratch(output, journal.scratch) ? journal.scratch : undefined;
};

/** Removes a scratch directory, if it is one that quailora made. */
const removeScratch = (output: string, scratch: string): Promise<void> =>
  writing(scratch, async () => {
    if (isOurScratch(output, scratch)) await rm(scratch, { recursive: true, force: true });
  });

/** Removes everything that earlier runs left, but for locks and the journal. */
const clear = (output: string): Promise<void> =>
  writing(output, async () => {
    const work = workDirectoryOf(output);
    for (const name of await readdir(work))
      if (name !== JOURNAL_FILE && !name.startsWith('lock-')) await rm(join(work, name), { recursive: true, force: true });
    for (const name of OUTPUT_NAMES) await rm(join(output, name), { recursive: true, force: true });
  });

const makeScratch = (output: string, parent: string | undefined): Promise<string> => {
  const directory = parent === undefined ? workDirectoryOf(output) : resolve(parent);
  const prefix = parent === undefined ? SCRATCH_PREFIX : `.quailora-${SCRATCH_PREFIX}`;
  return writing(directory, async () => {
    await mkdir(directory, { recursive: true });
    return mkdtemp(join(directory, prefix));
  });
};

/** The scratch directory of the earlier attempt where it still serves, else a new one; the old one is removed then. */
const takeScratch = async (output: string, { scratch: parent }: ClaimOptions, before: string | undefined): Promise<string> => {
  const wanted = parent === undefined ? resolve(workDirectoryOf(output)) : resolve(parent);
  if (before !== undefined) {
    // A link, or a place that can't be looked at, does not serve.
    const there = await lstat(before).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (there && dirname(before) === wanted && isOurScratch(output, before)) return before;
    await removeScratch(output, before);
  }
  return makeScratch(output, parent);
};

const refuse = (output: string, { kind, fingerprint: there }: OutputState, { fresh, fingerprint: now }: ClaimOptions): void => {
  if (kind === 'foreign')
    throw new OutputClaimError(
      'QL_OUTPUT_NOT_EMPTY',
      `${output} is not empty, and what is in it was not written by quailora. Choose a new or an empty directory.`,
    );
  if (kind !== 'finished' || fresh) return;
  const differences = there ? fingerprintDifferences(there, now) : [];
  if (differences.length > 0)
    throw new OutputClaimError(
      'QL_OUTPUT_DIFFERS',
      `${output} holds a finished run that differs from this one (${differences.join('; ')}). Choose another directory, or replace it with --fresh.`,
    );
  throw new OutputClaimError(
    'QL_OUTPUT_EXISTS',
    `${output} holds a finished run of quailora. Choose another directory, or replace it with --fresh.`,
  );
};

const requireSame = (output: string, journal: Journal, { fingerprint }: ClaimOptions): void => {
  const differences = fingerprintDifferences(journal.fingerprint, fingerprint);
  if (differences.length > 0)
    throw new OutputClaimError(
      'QL_OUTPUT_DIFFERS',
      `${output} holds an unfinished run that differs from this one (${differences.join('; ')}). Give the same options to go on with it, choose another directory, or start over with --fresh.`,
    );
};

/** Kinds of processors, each once and the one at work last. */
const addProcessor = (earlier: readonly string[] = [], now: string | undefined): readonly string[] =>
  now === undefined ? earlier : [...earlier.filter((kind) => kind !== now), now];

/** Under the lock: decides what becomes of what is there, and writes the journal of this run. */
const settle = async (output: string, options: ClaimOptions): Promise<Journal> => {
  await requireNoLinks(output, 'everywhere');
  const state = await writing(output, () => outputState(output));
  refuse(output, state, options);
  const path = join(workDirectoryOf(output), JOURNAL_FILE);
  const before = options.fresh
    ? await readJournal(output).catch((error: unknown) => {
        // Whatever it was, it is about to be removed.
        if (error instanceof JournalError && error.code === 'QL_JOURNAL') return undefined;
        throw error;
      })
    : await readJournal(output);
  if (before && !options.fresh) requireSame(output, before, options);
  const goesOn = before !== undefined && options.resumable && !options.fresh && !before.clearing;
  if (before && !goesOn) await removeScratch(output, before.scratch);
  const { fingerprint } = options;
  if (!goesOn && state.kind !== 'absent' && state.kind !== 'empty') {
    await writeRecord(path, { version: 1, fingerprint, scratch: '', clearing: true } satisfies Journal);
    await clear(output);
  }
  const scratch = await takeScratch(output, options, goesOn ? before.scratch : undefined);
  const processors = addProcessor(goesOn ? before.processors : undefined, options.processor);
  const journal: Journal = { version: 1, fingerprint, scratch, clearing: false, processors };
  await writeRecord(path, journal);
  return journal;
};

/** Takes back what a claim put there, as far as nothing is finished. */
const takeBack = (output: string, journal: Journal | undefined, lock: OutputLock, existed: boolean): Promise<void> =>
  writing(output, async () => {
    const work = workDirectoryOf(output);
    const { files } = await outputState(output);
    const names = await readdir(work, { recursive: true, withFileTypes: true });
    const isPiece = (entry: { readonly name: string; readonly parentPath: string }): boolean =>
      !isBookkeeping(entry.name) && !entry.name.endsWith('.partial') && !entry.parentPath.startsWith(journal?.scratch ?? '\0');
    if (journal && (files.length > 0 || names.some((entry) => entry.isFile() && isPiece(entry)))) {
      await lock.release();
      return;
    }
    if (journal) {
      await removeScratch(output, journal.scratch);
      await clear(output);
      await rm(join(work, JOURNAL_FILE), { force: true });
    }
    await lock.release();
    await removeIfEmpty(work);
    if (!existed) await removeIfEmpty(output);
  });

/** Gives the output its final state in one step: without a work directory it counts as finished. */
const complete = (output: string, { scratch }: Journal): Promise<void> =>
  writing(output, async () => {
    await removeScratch(output, scratch);
    await removeFormerWork(output);
    await rename(workDirectoryOf(output), join(output, REMOVED_DIRECTORY));
    await syncDirectory(output);
    await removeFormerWork(output);
  });

/**
 * Takes an output directory for one run. What an earlier attempt of the same run finished is left there to go on with.
 *
 * @throws OutputClaimError QL_OUTPUT_NOT_EMPTY, QL_OUTPUT_EXISTS, QL_OUTPUT_DIFFERS, QL_OUTPUT_LINK or QL_OUTPUT_BUSY
 * @throws JournalError QL_JOURNAL or QL_JOURNAL_READ
 * @throws FileWriteError QL_UNWRITABLE, QL_DISK_FULL or QL_IO
 */
export const claimOutput = async (output: string, options: ClaimOptions): Promise<OutputClaim> => {
  const found = await writing(output, () => outputState(output));
  if (found.kind !== 'absent' && found.kind !== 'foreign') await removeFormerWork(output);
  refuse(output, found, options);
  await requireNoLinks(output, 'work directory');
  const work = workDirectoryOf(output);
  const existed = found.kind !== 'absent';
  await writing(output, () => mkdir(work, { recursive: true }));
  const lock = await lockOutput(output, work).catch((error: unknown) => {
    return failAfterClosing(error, () => writing(work, () => removeIfEmpty(work)));
  });
  let journal: Journal;
  try {
    journal = await settle(output, options);
  } catch (error) {
    return failAfterClosing(error, () => takeBack(output, undefined, lock, existed));
  }
  return {
    workDirectory: work,
    scratchDirectory: journal.scratch,
    processors: journal.processors ?? [],
    finish: () => complete(output, journal),
    abandon: () => takeBack(output, journal, lock, existed),
  };
};
