import { isModuleReference, loadReference, type ModuleReference } from '../runtime/index.js';

/**
 * A quantizer, an initializer or another object a stage uses: itself, or a reference to the module that exports it.
 *
 * An object works on the main thread, with a matrix engine that the workers serve: functions can't cross into
 * workers. A reference is imported by the workers, and works there.
 */
export type Placed<T> = T | ModuleReference;

/** The object itself, for what it says of itself. */
export const resolvePlaced = async <T>(placed: Placed<T>): Promise<T> => (isModuleReference(placed) ? loadReference<T>(placed) : placed);
