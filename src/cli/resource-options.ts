import type { Command, Option } from 'commander';
import type { ResourceChoice } from '../stages/index.js';
import { option } from './option.js';
import { filled, memorySize } from './option-parsers.js';

/** What commander collects for the options of `addResourceOptions`. */
export interface ResourceFlags {
  readonly maxMemory?: number;
  readonly scratch?: string;
}

/** Makes the option that says how much memory a run may hold. */
export const memoryOption = (): Option =>
  option('--max-memory <amount>', 'memory the run may hold at most, like 8GiB (default: what the machine has)', memorySize('--max-memory'));

/** Adds the options that say what a run may take of the machine. */
export const addResourceOptions = (command: Command): Command =>
  command.addOption(memoryOption()).addOption(option('--scratch <dir>', 'directory for large temporary files', filled('--scratch')));

/** Turns the flags about the machine into the part of a job that they say. */
export const resourceChoices = ({ maxMemory, scratch }: ResourceFlags): ResourceChoice => ({
  ...(maxMemory !== undefined && { maxMemoryBytes: maxMemory }),
  ...(scratch !== undefined && { scratch }),
});
