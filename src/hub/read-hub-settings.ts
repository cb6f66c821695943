import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { HubSettings } from './contract.js';
import { HubError } from './hub-error.js';

const DEFAULT_ENDPOINT = 'https://huggingface.co';

const isOn = (value: string | undefined): boolean => ['1', 'ON', 'YES', 'TRUE'].includes(value?.toUpperCase() ?? '');

/** A variable that is set to nothing counts as not set. */
const set = (value: string | undefined): string | undefined => (value?.trim() === '' ? undefined : value);

const expandPath = (path: string, environment: NodeJS.ProcessEnv): string => {
  const home = set(environment['HOME']) ?? homedir();
  const fromHome = /^~(?=$|[/\\])/u.test(path) ? home + path.slice(1) : path;
  return resolve(
    fromHome.replace(
      /\$(?:(\w+)|\{(\w+)\})/gu,
      (reference, bare?: string, braced?: string) => environment[bare ?? braced ?? ''] ?? reference,
    ),
  );
};

const readEndpoint = (value: string | undefined): string => {
  if (value === undefined) return DEFAULT_ENDPOINT;
  const shown = JSON.stringify(value.replace(/\/\/[^/]*@/u, '//…@'));
  if (!URL.canParse(value))
    throw new HubError('QL_HUB_SETTING', `HF_ENDPOINT is ${shown}, which is no address. Give one like ${DEFAULT_ENDPOINT}.`);
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new HubError('QL_HUB_SETTING', `HF_ENDPOINT is ${shown}, but only https and http are spoken.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new HubError('QL_HUB_SETTING', `HF_ENDPOINT is ${shown}: it must not hold a user name or password. Give a token in HF_TOKEN.`);
  }
  return value.trim().replace(/\/+$/u, '');
};

const readTokenFile = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return undefined;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new HubError('QL_HUB_SETTING', `The token file ${path} can't be read (${detail}). Make it readable, or set HF_TOKEN.`, { cause });
  }
};

/**
 * Reads where the Hub, its cache and the token are, as Python's huggingface_hub does (its constants.py, version 2.4).
 *
 * - endpoint: `HF_ENDPOINT`, else https://huggingface.co
 * - cache: `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`, else in
 *   `XDG_CACHE_HOME/huggingface`, else in `~/.cache/huggingface`; `~` and `$NAME` are expanded
 * - token: `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the file `HF_TOKEN_PATH`, else `HF_HOME/token`; none at all
 *   when `HF_HUB_DISABLE_IMPLICIT_TOKEN` is on
 * - offline: `HF_HUB_OFFLINE`, else `TRANSFORMERS_OFFLINE`; 1, on, yes and true switch it on
 *
 * @throws HubError QL_HUB_SETTING; retrying does not help
 */
export const readHubSettings = (environment: NodeJS.ProcessEnv): HubSettings => {
  const variable = (name: string): string | undefined => set(environment[name]);
  const path = (value: string): string => expandPath(value, environment);
  const home = path(variable('HF_HOME') ?? join(variable('XDG_CACHE_HOME') ?? '~/.cache', 'huggingface'));
  const readToken = (): string | undefined =>
    variable('HF_TOKEN') ?? variable('HUGGING_FACE_HUB_TOKEN') ?? readTokenFile(path(variable('HF_TOKEN_PATH') ?? join(home, 'token')));
  return {
    endpoint: readEndpoint(variable('HF_ENDPOINT')),
    cacheDirectory: path(variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub')),
    token: isOn(variable('HF_HUB_DISABLE_IMPLICIT_TOKEN')) ? undefined : set(readToken()?.trim()),
    offline: isOn(variable('HF_HUB_OFFLINE') ?? variable('TRANSFORMERS_OFFLINE')),
  };
};
