import type { LoadHook, ResolveFnOutput, ResolveHook } from 'node:module';

const isUserTypeScript = (url: string): boolean => url.startsWith('file:') && /\.ts(\?|$)/.test(url) && !url.includes('/node_modules/');

const isOurs = (specifier: string): boolean => specifier === 'quailora' || specifier.startsWith('quailora/');

type NextResolve = Parameters<ResolveHook>[2];

/** `quailora` is this very package where the importing file's own directory offers none. */
const resolveWithOurs = async (
  specifier: string,
  context: Parameters<ResolveHook>[1],
  nextResolve: NextResolve,
): Promise<ResolveFnOutput> => {
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    if (!isOurs(specifier) || !(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return nextResolve(specifier, { ...context, parentURL: import.meta.url });
  }
};

/** Resolves .ts files as ES modules whatever their package.json says: quailora is one, and CommonJS can't await it. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const found = await resolveWithOurs(specifier, context, nextResolve);
  return isUserTypeScript(found.url) ? { ...found, format: 'module' } : found;
};

/** Loads those files as ES modules. */
export const load: LoadHook = (url, context, nextLoad) => nextLoad(url, isUserTypeScript(url) ? { ...context, format: 'module' } : context);
