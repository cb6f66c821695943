/**
 * Preloaded (`node --import`) into a process that a test wants to die inside the file system: before or after its n-th call of
 * some function, or with half of what a call was to write on the disk.
 *
 * KILL_AT is `THREAD:CALL:MOMENT:N`, for instance `main:rename:before:17`. At the moment `full` nothing is killed: half of what the call
 * was to write is written, and from then on the thread finds the disk full. With COUNT_CALLS, a file, the process lives and its main
 * thread leaves there how often it called what.
 */
import { open, rm } from 'node:fs/promises';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

type Call = (...args: never[]) => Promise<unknown>;

const thread = isMainThread ? 'main' : 'worker';
const [wantedThread, wantedCall, moment, number] = (process.env['KILL_AT'] ?? '').split(':');
const counts: Record<string, number> = {};

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
};

/** The first half of the bytes of several pieces. */
const halfOfPieces = (pieces: readonly Uint8Array[]): Uint8Array[] => {
  let left = pieces.reduce((bytes, piece) => bytes + piece.byteLength, 0) >> 1;
  return pieces.map((piece) => {
    const half = piece.subarray(0, Math.min(left, piece.byteLength));
    left -= half.byteLength;
    return half;
  });
};

/** Half of some bytes; the half of an empty call is itself. */
const halfOf = (args: readonly unknown[]): unknown[] => {
  const [first, second, ...rest] = args;
  // handle.writev(pieces), handle.write(bytes, offset, length) and writeFile(path, bytes)
  if (Array.isArray(first)) return [halfOfPieces(first as Uint8Array[])];
  if (first instanceof Uint8Array) return [first.subarray(0, (Number(second ?? 0) + first.length) >> 1), second, ...rest.slice(1)];
  return [first, second instanceof Uint8Array ? second.subarray(0, second.length >> 1) : second, ...rest];
};

/** Calls that need room on the disk. */
const NEED_ROOM = new Set(['write', 'writev', 'writeFile', 'mkdir']);

let isFull = false;

const noSpace = (name: string): Error =>
  Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: 'ENOSPC', errno: -28, syscall: name });

const patch = (owner: object, name: string): void => {
  const original = Reflect.get(owner, name) as Call;
  Reflect.set(owner, name, async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const count = (counts[name] = (counts[name] ?? 0) + 1);
    const chosen = thread === wantedThread && name === wantedCall && count === Number(number);
    if (chosen && moment === 'before') return die();
    if (isFull && NEED_ROOM.has(name)) throw noSpace(name);
    const isHalf = chosen && (moment === 'half' || moment === 'full');
    const result = await (Reflect.apply(original, this, isHalf ? halfOf(args) : args) as Promise<unknown>);
    if (!chosen) return result;
    if (moment !== 'full') return die();
    isFull = true;
    throw noSpace(name);
  });
};

const probe = join(tmpdir(), `quailora-probe-${process.pid}-${thread}`);
const handle = await open(probe, 'w');
const prototype = Object.getPrototypeOf(handle) as object;
await handle.close();
await rm(probe, { force: true });

for (const name of ['rename', 'rm', 'writeFile', 'mkdir', 'rmdir']) patch(fs.promises, name);
for (const name of ['write', 'writev', 'sync']) patch(prototype, name);
syncBuiltinESMExports();

const { COUNT_CALLS: countFile } = process.env;
if (countFile !== undefined && isMainThread) process.on('exit', () => fs.writeFileSync(countFile, JSON.stringify(counts)));
