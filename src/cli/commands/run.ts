import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { AddCommand } from '../context.js';
import { UsageError } from '../usage-error.js';

const FORWARDED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a TypeScript file in a Node process of its own, whose worker threads load TypeScript too.
 *
 * @returns its exit code; 128 + the signal's number where a signal ended it
 */
const runFile = (file: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const preload = new URL('../typescript-preload.js', import.meta.url).href;
    const child = spawn(process.execPath, ['--import', preload, file, ...args], { stdio: 'inherit' });
    // A terminal sends Ctrl-C to both processes; sent on as well, it would count as the second one.
    const forward = (signal: NodeJS.Signals): void => {
      if (!(signal === 'SIGINT' && process.stdin.isTTY)) child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const stopForwarding = (): void => {
      for (const signal of FORWARDED) process.off(signal, forward);
    };
    child.once('error', (error) => {
      stopForwarding();
      reject(error);
    });
    child.once('exit', (exitCode, signal) => {
      stopForwarding();
      resolve(signal === null ? (exitCode ?? 1) : 128 + constants.signals[signal]);
    });
  });

/** Adds `run`: runs a pipeline written in TypeScript. */
export const addRunCommand: AddCommand = (program, _context, finish) => {
  program
    .command('run')
    .description('run a pipeline written in TypeScript; what follows the file is passed on to it')
    .argument('<file>', 'TypeScript file; it imports from quailora')
    .argument('[args...]', 'arguments of the file')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (file: string, args: string[]) => {
      if (!existsSync(file)) throw new UsageError(`${file} does not exist. \`quailora run\` takes the path of a TypeScript file.`);
      finish(await runFile(file, args));
    });
};
