import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { writing } from '../foundation/index.js';
import { OutputClaimError } from './output-claim-error.js';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';
import { readRecord, writeRecord } from './record-file.js';

/** A lock that is held. */
export interface OutputLock {
  /** Lets others in. */
  release(): Promise<void>;
}

const LOCK = /^lock-[0-9a-f]+\.json$/;

/** Tries for a lock when another process tries at the same moment; each waits for a random time between them. */
const ATTEMPTS = 8;
const LONGEST_WAIT_MS = 100;

const holderOf = async (path: string): Promise<ProcessIdentity | 'damaged' | undefined> => {
  const record = await readRecord(path);
  return record === undefined || record === 'damaged' ? record : (record.value as ProcessIdentity);
};

const busy = (output: string, path: string, holder: ProcessIdentity | 'damaged', state: 'yes' | 'unknown'): OutputClaimError => {
  const who =
    holder === 'damaged' ? 'a process that left no readable name' : `process ${holder.pid} on ${holder.place.split(' ')[0] ?? ''}`;
  return new OutputClaimError(
    'QL_OUTPUT_BUSY',
    state === 'yes'
      ? `${output} is being written to by another run of quailora, ${who}. Wait until it ends, or choose another directory.`
      : `${output} was claimed by ${who}, and whether that still runs can't be seen from here. Make sure that it does not, remove ${path}, and run again.`,
    state === 'yes' ? 'running' : 'unknown',
  );
};

/** The first other lock whose process may be running; those of processes that are no more are removed. */
const findRival = async (output: string, directory: string, own: string): Promise<OutputClaimError | undefined> => {
  for (const name of (await readdir(directory)).filter((name) => LOCK.test(name) && name !== own)) {
    const path = join(directory, name);
    const holder = await holderOf(path);
    if (holder === undefined) continue;
    const state = holder === 'damaged' ? 'unknown' : await isRunning(holder);
    if (state !== 'no') return busy(output, path, holder, state);
    await rm(path, { force: true });
  }
  return undefined;
};

/**
 * Takes the lock of an output: one process at a time holds it, and one that was killed holds it no longer.
 *
 * Each taker first puts a file of its own name there and then looks for those of others: of two takers the one that looks last sees
 * the other's, so both never go on. Files of processes that are no more are removed by whoever meets them, for nobody else has their names.
 *
 * @param directory work directory of the output; it must exist
 * @throws OutputClaimError QL_OUTPUT_BUSY; FileWriteError
 */
export const lockOutput = async (output: string, directory: string): Promise<OutputLock> => {
  const identity = await ownIdentity();
  for (let attempt = 1; ; attempt++) {
    const own = `lock-${randomBytes(8).toString('hex')}.json`;
    const release = (): Promise<void> => writing(directory, () => rm(join(directory, own), { force: true }));
    await writeRecord(join(directory, own), identity);
    let rival: OutputClaimError | undefined;
    try {
      rival = await findRival(output, directory, own);
    } catch (error) {
      await release();
      throw error;
    }
    if (!rival) return { release };
    await release();
    if (attempt === ATTEMPTS) throw rival;
    await wait(Math.random() * LONGEST_WAIT_MS);
  }
};
