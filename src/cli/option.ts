import { Option } from 'commander';

/** An option with its reader, and its default where it has one. */
export const option = <T>(flags: string, description: string, read: (text: string) => T, byDefault?: T): Option => {
  const made = new Option(flags, description).argParser(read);
  return byDefault === undefined ? made : made.default(byDefault);
};
