/** What load-reference.test.ts refers to. */
export const value = { name: 'itself' };

export const make = (options: unknown): unknown => ({ made: options });
