import { UsageError } from './usage-error.js';

/** Reads the text of one option, or throws a UsageError that names it. */
export type OptionParser<T> = (text: string) => T;

const whole = (text: string): number => (/^-?\d+$/.test(text) ? Number(text) : NaN);

/** Accepts whole numbers from `least` to `most`. */
export const wholeNumber =
  (flag: string, least: number, most: number = Number.MAX_SAFE_INTEGER): OptionParser<number> =>
  (text) => {
    const value = whole(text);
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`${flag} takes a whole number ${range}, not "${text}".`);
  };

const decimal = (text: string): number => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN);

/** Accepts `auto`, and whole numbers from `least` on. */
export const autoOrWholeNumber =
  (flag: string, least: number): OptionParser<number | 'auto'> =>
  (text) => {
    if (text === 'auto') return text;
    const value = whole(text);
    if (value >= least && value <= Number.MAX_SAFE_INTEGER) return value;
    throw new UsageError(`${flag} takes auto or a whole number of at least ${least}, not "${text}".`);
  };

/** Accepts finite numbers above zero. */
export const positiveNumber =
  (flag: string): OptionParser<number> =>
  (text) => {
    const value = decimal(text);
    if (value > 0 && value < Infinity) return value;
    throw new UsageError(`${flag} takes a number above 0, not "${text}".`);
  };

/** Accepts numbers from 0 to 1. */
export const fraction =
  (flag: string): OptionParser<number> =>
  (text) => {
    const value = decimal(text);
    if (value >= 0 && value <= 1) return value;
    throw new UsageError(`${flag} takes a number from 0 to 1, not "${text}".`);
  };

/** Accepts one of a few words or numbers. */
export const oneOf =
  <const T extends string | number>(flag: string, choices: readonly T[]): OptionParser<T> =>
  (text) => {
    const found = choices.find((choice) => String(choice) === text);
    if (found !== undefined) return found;
    throw new UsageError(`${flag} takes ${choices.slice(0, -1).join(', ')} or ${String(choices.at(-1))}, not "${text}".`);
  };

/** Accepts any text but none. */
export const filled =
  (flag: string): OptionParser<string> =>
  (text) => {
    if (text.trim() !== '') return text;
    throw new UsageError(`${flag} takes a value, and was given an empty one.`);
  };

/** Accepts `all-linear` or module names between commas. */
export const moduleNames =
  (flag: string): OptionParser<'all-linear' | readonly string[]> =>
  (text) => {
    if (text === 'all-linear') return text;
    const names = text.split(',').map((name) => name.trim());
    const wrong = names.find((name) => !/^[A-Za-z_][\w.]*$/.test(name));
    if (wrong === undefined) return [...new Set(names)];
    throw new UsageError(`${flag} takes all-linear, or names like q_proj,v_proj; "${wrong}" is no name of a module.`);
  };

/** Bytes of each unit of memory, by its name in lower case. */
const MEMORY_UNITS: ReadonlyMap<string, number> = new Map([
  ...['kib', 'mib', 'gib', 'tib'].map((unit, i): [string, number] => [unit, 1024 ** (i + 1)]),
  ...['kb', 'mb', 'gb', 'tb'].map((unit, i): [string, number] => [unit, 1000 ** (i + 1)]),
]);

/** Accepts an amount of memory with its unit, `8GiB`, `6000 MiB` or `8GB` (powers of 1000), and returns whole bytes. */
export const memorySize =
  (flag: string): OptionParser<number> =>
  (text) => {
    const [, amount = '', unit = ''] = /^\s*([\d.]+)\s*([a-z]+)\s*$/i.exec(text) ?? [];
    const bytes = Math.floor(decimal(amount) * (MEMORY_UNITS.get(unit.toLowerCase()) ?? NaN));
    if (bytes > 0 && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
    throw new UsageError(`${flag} takes an amount with its unit, like 8GiB, 6000MiB or 8GB (MiB, GiB: powers of 1024), not "${text}".`);
  };
