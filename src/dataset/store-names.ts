/** Short names of stores: `dstore.store.NAME.url` in git's configuration (system, user or dataset level). */
import { existsSync } from 'node:fs';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import { parseStoreReference } from '../core/ria-url.ts';
import type { StoreAddress } from '../core/ria-url.ts';
import { loadConfig } from '../git/config.ts';
import type { GitConfig } from '../git/config.ts';
import { openRepository } from '../git/repository.ts';

/** Replaces a leading short name by the store's address; any other text is returned as it is. An existing folder of that name wins. */
export function resolveStoreName(text: string, cwd: string): string {
  const match = /^([A-Za-z0-9][\w.-]*)(#.*)?$/s.exec(text);
  if (match === null || existsSync(`${cwd}/${match[1]!}`)) return text;
  const url = configAt(cwd).get(`dstore.store.${match[1]!}.url`);
  return url === undefined ? text : url + (match[2] ?? '');
}

/** Names and addresses that are configured. */
export function storeNames(cwd: string): Map<string, string> {
  const config = configAt(cwd);
  const names = new Map<string, string>();
  for (const name of config.sections('dstore.store')) {
    const url = config.get(`dstore.store.${name}.url`);
    if (url !== undefined) names.set(name, url);
  }
  return names;
}

/**
 * The store that the user names by path, URL or short name.
 * @throws URL_INVALID; UNSUPPORTED for transports this version has not
 */
export function resolveStore(text: string, cwd: string): StoreAddress {
  const resolved = resolveStoreName(text, cwd);
  const address = parseStoreReference(resolved.includes('#') || resolved.startsWith('ria+') ? resolved : `${resolved}#~x`, cwd);
  if (address === undefined) {
    throw new DStoreError('URL_INVALID', `${text}: not a store`, { hint: 'name a store by its path, a ria+file:// URL, or a configured short name (dstore store list)' });
  }
  if (address.transport !== 'file') {
    throw new DStoreError('UNSUPPORTED', `${text}: stores over ${address.transport} are not supported by this version of dstore`, { hint: 'mount the store and name it by its path' });
  }
  return address;
}

function configAt(cwd: string): GitConfig {
  try {
    const repo = openRepository(cwd);
    const { config } = repo;
    void repo.close();
    return config;
  } catch (error) {
    if (!isDStoreError(error)) throw error;
    return loadConfig('', '');
  }
}
