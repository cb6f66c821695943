/** Names an exported value by its module, so that a worker can import it by itself. */
export interface ModuleReference {
  /** URL of the module (`import.meta.url` of the file, or a `file:` URL). */
  readonly url: string;
  /** Name of the export. */
  readonly name: string;
  /** When given, the export is a function that is called with it and returns the value. Must be cloneable. */
  readonly options?: unknown;
}

/** True for a reference, false for a value given directly. */
export const isModuleReference = (value: unknown): value is ModuleReference =>
  typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string' && 'name' in value && !('run' in value);
