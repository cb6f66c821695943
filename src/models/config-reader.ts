import { QuailoraError } from '../foundation/index.js';

/** Thrown when config.json lacks a value or has one of the wrong type; retrying does not help. */
export class MalformedConfigError extends QuailoraError {
  constructor(message: string) {
    super('QL_CONFIG', message);
  }
}

/** Typed access to the values of config.json, with messages that name the key. */
export interface ConfigReader {
  /** A positive integer, or the default where the key is absent or null. */
  count(key: string, fallback?: number): number;
  /** A finite number, or the default. */
  number(key: string, fallback?: number): number;
  /** A boolean, or the default. */
  flag(key: string, fallback: boolean): boolean;
  /** A string, or the default. */
  text(key: string, fallback: string): string;
  /** A list of finite numbers, or undefined where the key is absent or null. */
  numbers(key: string): readonly number[] | undefined;
  /** A list of strings, or undefined where the key is absent or null. */
  texts(key: string): readonly string[] | undefined;
  /** A nested object, or undefined where the key is absent or null. */
  section(key: string): ConfigReader | undefined;
  /** True when the key is present and not null. */
  has(key: string): boolean;
}

/** Reads config.json values with checks. */
export const readConfig = (config: Readonly<Record<string, unknown>>, path = 'config.json'): ConfigReader => {
  const fail = (key: string, wanted: string): never => {
    throw new MalformedConfigError(
      `${path}: "${key}" is ${config[key] === undefined ? 'missing' : JSON.stringify(config[key])}, but ${wanted} is needed. Compare it with the original model's file.`,
    );
  };
  const has = (key: string): boolean => config[key] !== undefined && config[key] !== null;
  const number = (key: string, fallback?: number): number => {
    if (!has(key) && fallback !== undefined) return fallback;
    const value = config[key];
    return typeof value === 'number' && Number.isFinite(value) ? value : fail(key, 'a number');
  };
  const list = <T>(key: string, belongs: (item: unknown) => item is T, wanted: string): readonly T[] | undefined => {
    if (!has(key)) return undefined;
    const value = config[key];
    return Array.isArray(value) && value.every(belongs) ? value : fail(key, wanted);
  };
  return {
    has,
    number,
    numbers: (key) => list(key, (item): item is number => typeof item === 'number' && Number.isFinite(item), 'a list of numbers'),
    texts: (key) => list(key, (item): item is string => typeof item === 'string', 'a list of strings'),
    count: (key, fallback) => {
      const value = number(key, fallback);
      return Number.isInteger(value) && value > 0 ? value : fail(key, 'a positive whole number');
    },
    flag: (key, fallback) => {
      if (!has(key)) return fallback;
      const value = config[key];
      return typeof value === 'boolean' ? value : fail(key, 'true or false');
    },
    text: (key, fallback) => {
      if (!has(key)) return fallback;
      const value = config[key];
      return typeof value === 'string' ? value : fail(key, 'a string');
    },
    section: (key) => {
      if (!has(key)) return undefined;
      const value = config[key];
      return typeof value === 'object' && !Array.isArray(value)
        ? readConfig(value as Record<string, unknown>, `${path}: ${key}`)
        : fail(key, 'an object');
    },
  };
};
