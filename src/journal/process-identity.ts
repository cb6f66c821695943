import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** What tells one process from every other, also after its number was given to another. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the start of the system and that of the process; null where there is no /proc. */
  readonly startTicks: string | null;
  /** Host, start of the system and process namespace: only there does the number say anything. */
  readonly place: string;
}

const readIfThere = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  });

/** Field 22 of /proc/PID/stat; the command's name, in parentheses, may hold spaces. */
const startTicksOf = async (pid: number): Promise<string | undefined> => {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
};

const currentPlace = async (): Promise<string> => {
  const boot = (await readIfThere('/proc/sys/kernel/random/boot_id'))?.trim() ?? '';
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return [hostname(), boot, namespace].join(' ');
};

/** Identity of this process. */
export const ownIdentity = async (): Promise<ProcessIdentity> => ({
  pid: process.pid,
  startTicks: (await startTicksOf(process.pid)) ?? null,
  place: await currentPlace(),
});

const signalReaches = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/**
 * Tells whether a process still runs.
 *
 * @returns `unknown` for one of another host, of another process namespace, or of this host before it was started anew, and for a
 * number that is in use where nothing tells whether by the same process
 */
export const isRunning = async ({ pid, startTicks, place }: ProcessIdentity): Promise<'yes' | 'no' | 'unknown'> => {
  const here = await currentPlace();
  if (place !== here) {
    // The same host with another boot id was started anew since: nothing of before runs.
    const [host, boot] = place.split(' ');
    const [thisHost, thisBoot] = here.split(' ');
    return host === thisHost && boot && thisBoot && boot !== thisBoot ? 'no' : 'unknown';
  }
  if (startTicks !== null) return (await startTicksOf(pid)) === startTicks ? 'yes' : 'no';
  return signalReaches(pid) ? 'unknown' : 'no';
};
