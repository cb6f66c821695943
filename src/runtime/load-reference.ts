import { QuailoraError } from '../foundation/index.js';
import type { ModuleReference } from './module-reference.js';

/** Thrown when a module reference names nothing usable; retrying does not help. */
export class ModuleReferenceError extends QuailoraError {
  constructor(message: string, cause?: unknown) {
    super('QL_MODULE', message, { cause });
  }
}

/**
 * Imports what a reference names.
 *
 * @throws ModuleReferenceError QL_MODULE when the module can't be imported or has no such export
 */
export const loadReference = async <T>({ url, name, options }: ModuleReference): Promise<T> => {
  let module: Record<string, unknown>;
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    throw new ModuleReferenceError(`Can't import ${url}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  const exported = module[name];
  if (exported === undefined) throw new ModuleReferenceError(`${url} has no export "${name}"; it has ${Object.keys(module).join(', ')}.`);
  if (options === undefined) return exported as T;
  if (typeof exported !== 'function')
    throw new ModuleReferenceError(`"${name}" of ${url} is not a function, but the reference gives it options.`);
  return (exported as (options: unknown) => T)(options);
};
