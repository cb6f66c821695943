import { readdir, readFile } from 'node:fs/promises';

/** Contents, or undefined where the process has ended or the platform has no such file. */
const readIfThere = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);

const highWaterBytes = async (pid: string): Promise<number | undefined> => {
  const status = await readIfThere(`/proc/${pid}/status`);
  const kibibytes = status && /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes ? Number(kibibytes) * 1024 : undefined;
};

/** Processes that are alive now and were started by one of `pid`'s threads. */
const childrenOf = async (pid: string): Promise<string[]> => {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => readIfThere(`/proc/${pid}/task/${thread}/children`)));
  return lists.flatMap((list) => list?.split(' ').filter(Boolean) ?? []);
};

const treeBytes = async (pid: string): Promise<number> => {
  const children = await Promise.all((await childrenOf(pid)).map(treeBytes));
  return children.reduce((sum, bytes) => sum + bytes, (await highWaterBytes(pid)) ?? 0);
};

/**
 * The kernel's high-water mark of resident memory, mapped pages included.
 *
 * On Linux the sum of VmHWM over this process and its descendants that are alive now; elsewhere this process's
 * maximum alone, since no call of Node tells more.
 */
export const peakRssBytes = async (): Promise<number> =>
  (await highWaterBytes('self')) === undefined ? process.resourceUsage().maxRSS * 1024 : treeBytes('self');
