import { CommanderError } from 'commander';
import type { CliContext } from './context.js';
import { errorReport, printError } from './error-report.js';
import { EXIT_CODE } from './exit-code.js';
import { createProgram } from './program.js';
import { UsageError } from './usage-error.js';

/**
 * Runs one command line.
 *
 * @param args without the interpreter and the script
 * @returns the exit code: 0 done, 1 failed or not verified, 2 wrong usage, 130 interrupted
 */
export const runCli = async (args: readonly string[], context: CliContext): Promise<number> => {
  let finished: number = EXIT_CODE.ok;
  const program = createProgram(context, (exitCode) => {
    finished = exitCode;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return finished;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_CODE.ok;
    const json = args.includes('--json');
    if (error instanceof CommanderError) {
      // Without a command, commander has printed the help already.
      if (error.code !== 'commander.help')
        printError(context, { code: 'QL_USAGE', message: `${error.message.replace(/^error: /, '')}. See \`quailora --help\`.` }, json);
      return EXIT_CODE.usage;
    }
    printError(context, errorReport(error), json);
    return error instanceof UsageError ? EXIT_CODE.usage : EXIT_CODE.failed;
  }
};
