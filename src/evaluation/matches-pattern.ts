import { withinTime } from '../foundation/index.js';
import { AdapterError } from './adapter-error.js';

/** Names and ends of names, as adapters mostly have them: nothing in them repeats, so they match in no time. */
const PLAIN = /^[\w.\\-]*$/u;

/** Milliseconds that a pattern may take for one module's name. */
const LONGEST_MS = 2_000;

/** Longest pattern tried, in UTF-16 units: room for a name of every module. */
const LONGEST_PATTERN = 200_000;

/** A pattern of adapter_config.json. */
export interface NamePattern {
  /** Key that it comes from, for messages. */
  readonly key: string;
  readonly pattern: string;
  /** What it has to match: a module's whole name, or the name or what follows one of its dots. */
  readonly of: 'whole' | 'end';
}

/**
 * Tells whether a module's name matches a pattern that may be hostile.
 *
 * @throws AdapterError QL_ADAPTER_CONFIG for a pattern that is no regular expression, or backtracks without end
 */
export const matchesPattern = ({ key, pattern, of }: NamePattern, module: string): boolean => {
  if (pattern.length > LONGEST_PATTERN)
    throw new AdapterError('QL_ADAPTER_CONFIG', `adapter_config.json: "${key}" has a pattern of ${pattern.length} characters.`);
  try {
    const expression = new RegExp(of === 'whole' ? `^(?:${pattern})$` : `^(.*\\.)?(${pattern})$`);
    return PLAIN.test(pattern) ? expression.test(module) : withinTime(LONGEST_MS, () => expression.test(module));
  } catch (cause) {
    throw new AdapterError(
      'QL_ADAPTER_CONFIG',
      `adapter_config.json: "${key}" has a pattern that can't be matched with "${module}" (${String(cause)}).`,
      cause,
    );
  }
};
