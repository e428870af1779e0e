/** Refspecs (git-fetch(1), git-push(1)) and remotes by name or URL (gitremote-helpers are not among them). */
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DStoreError } from '../core/errors.ts';
import type { GitConfig } from './config.ts';

export interface Refspec { readonly force: boolean; readonly from: string; readonly to: string | undefined }

/** Reads `[+]FROM[:TO]`. */
export function parseRefspec(text: string): Refspec {
  const force = text.startsWith('+');
  const body = force ? text.slice(1) : text;
  const colon = body.indexOf(':');
  return colon < 0 ? { force, from: body, to: undefined } : { force, from: body.slice(0, colon), to: body.slice(colon + 1) };
}

/** The name that a refspec gives to a reference; undefined when it does not speak of it. */
export function mapRef(refspec: Refspec, name: string): string | undefined {
  if (refspec.to === undefined) return undefined;
  const star = refspec.from.indexOf('*');
  if (star < 0) return refspec.from === name ? refspec.to : undefined;
  const before = refspec.from.slice(0, star);
  const after = refspec.from.slice(star + 1);
  if (!name.startsWith(before) || !name.endsWith(after) || name.length < before.length + after.length) return undefined;
  return refspec.to.replace('*', name.slice(before.length, name.length - after.length));
}

/** The URL of a remote by its name, or of a URL, after url.*.insteadOf. @param push prefers the push URL */
export function remoteUrl(config: GitConfig, remote: string, push = false): string {
  const configured = (push ? config.get(`remote.${remote}.pushurl`) : undefined) ?? config.get(`remote.${remote}.url`);
  if (configured === undefined && !/[/:]/.test(remote) && !existsSync(remote)) {
    throw new DStoreError('REMOTE_UNKNOWN', `there is no remote ${remote}`, { hint: 'git remote -v' });
  }
  const url = configured ?? remote;
  let best: { base: string; length: number } | undefined;
  for (const base of config.sections('url')) {
    for (const prefix of config.getAll(`url.${base}.insteadOf`)) {
      if (url.startsWith(prefix) && prefix.length > (best?.length ?? 0)) best = { base, length: prefix.length };
    }
  }
  return best === undefined ? url : best.base + url.slice(best.length);
}

/** The path that a URL means on this machine; undefined when it means another one. @param cwd for relative paths */
export function localPathOf(url: string, cwd: string): string | undefined {
  if (/^file:\/\//i.test(url)) return fileURLToPath(url);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return undefined;
  // HOST:PATH is ssh, unless a slash comes before the colon.
  if (!isAbsolute(url) && /^[^/]+:/.test(url)) return undefined;
  return resolve(cwd, url);
}

/** What to say about a URL that needs the git program. */
export function needsGit(url: string, doing: string): DStoreError {
  return new DStoreError('TOOL_MISSING', `${doing}: ${url} can only be reached with git`, { hint: 'install git' });
}
