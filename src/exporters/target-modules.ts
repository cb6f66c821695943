/**
 * Chooses PEFT's `target_modules`: the last parts of the names where they match the adapted modules and no other,
 * else the full names. PEFT matches an entry against a whole name or its end after a dot.
 *
 * @param adapted full names
 * @param linear full names of every linear layer of the model, the adapted ones and the head included
 * @returns sorted
 */
export const targetModules = (adapted: readonly string[], linear: readonly string[]): string[] => {
  const wanted = new Set(adapted);
  const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const parts = new Set(adapted.map(lastPart));
  const exact = linear.every((name) => wanted.has(name) || !parts.has(lastPart(name)));
  return [...(exact ? parts : wanted)].sort();
};
