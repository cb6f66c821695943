import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

/** What one run of a command cost, seen from outside. */
export interface ProcessCost {
  readonly seconds: number;
  /** User and system time of all threads, from the last look before the end: up to `POLL_MS` short. */
  readonly cpuSeconds: number;
  /** Sum over the process and its descendants of the kernel's high-water mark of resident memory, mapped pages included. */
  readonly peakRssBytes: number;
  readonly stdout: string;
}

/** Milliseconds between two looks at /proc. */
const POLL_MS = 20;

/** Clock ticks a second in /proc/PID/stat; fixed at 100 by the kernel's interface to user space. */
const TICKS_A_SECOND = 100;

/** Contents of a file of /proc, or nothing where the process has just ended. */
const readProc = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const descendantsOf = async (pid: number): Promise<number[]> => {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => readProc(`/proc/${pid}/task/${thread}/children`)));
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  const below = await Promise.all(children.map(descendantsOf));
  return [...children, ...below.flat()];
};

/** Looks at one process: [high-water mark in bytes, processor seconds], or nothing when it has ended. */
const look = async (pid: number): Promise<[number, number] | undefined> => {
  const [status, stat] = await Promise.all([readProc(`/proc/${pid}/status`), readProc(`/proc/${pid}/stat`)]);
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status);
  if (!peak || !stat) return undefined;
  // The command's name, in parentheses, may hold spaces: fields are counted from the last one on.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [Number(peak[1]) * 1024, (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND];
};

/**
 * Runs a command to its end and measures time, processor time and peak memory from outside. Linux only.
 *
 * @throws Error with the end of stderr when the command fails
 */
export const measureProcess = async (command: string, args: readonly string[], cwd: string): Promise<ProcessCost> => {
  const start = process.hrtime.bigint();
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
  const peaks = new Map<number, number>();
  const cpus = new Map<number, number>();
  let running = true;
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(() => (running = false));

  const watch = async (): Promise<void> => {
    while (running && child.pid !== undefined) {
      for (const pid of [child.pid, ...(await descendantsOf(child.pid))]) {
        const seen = await look(pid);
        if (!seen) continue;
        peaks.set(pid, seen[0]);
        cpus.set(pid, seen[1]);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const [status] = await Promise.all([ended, watch()]);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? 'a signal'}:\n${stderr}`);
  const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
  return { seconds, cpuSeconds: sum(cpus.values()), peakRssBytes: sum(peaks.values()), stdout };
};
