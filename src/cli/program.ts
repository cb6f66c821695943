import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { addCompareCommand } from './commands/compare.js';
import { addEvaluateCommand } from './commands/evaluate.js';
import { addInitCommand } from './commands/init.js';
import { addPlanCommand } from './commands/plan.js';
import { addRefitCommand } from './commands/refit.js';
import { addRunCommand } from './commands/run.js';
import { addVerifyCommand } from './commands/verify.js';
import type { CliContext } from './context.js';

const version = (): string => {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
};

/** Builds the command line; parsing it throws a CommanderError in place of leaving the process. */
export const createProgram = (context: CliContext, finish: (exitCode: number) => void): Command => {
  const program = new Command('quailora')
    .description('Calibrated LoRA initialization for quantized language models (QuAILoRA), streamed block by block')
    .version(version())
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: () => undefined,
    });
  for (const add of [
    ...[addInitCommand, addPlanCommand, addRefitCommand, addCompareCommand],
    ...[addEvaluateCommand, addVerifyCommand, addRunCommand],
  ])
    add(program, context, finish);
  return program;
};
