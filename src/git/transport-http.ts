/** http(s) exchange by isomorphic-git, which speaks the protocol; what arrives is put in place by ourselves. */
import { join } from 'node:path';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { SharedMode } from '../io/durable.ts';
import { makeDirectory, writeFileAtomic } from '../io/durable.ts';
import { createOverlay } from './overlay-fs.ts';
import type { PushResult } from './transport.ts';

/** Loaded on first use: most commands never need it. */
async function load() {
  const [git, http] = await Promise.all([import('isomorphic-git'), import('isomorphic-git/http/node')]);
  return { git, http: http.default };
}

/** User and password of a URL, which isomorphic-git wants apart from it. */
function credentials(url: string): { url: string; onAuth?: () => { username: string; password: string } } {
  const parsed = new URL(url);
  if (parsed.username === '') return { url };
  const auth = { username: decodeURIComponent(parsed.username), password: decodeURIComponent(parsed.password) };
  parsed.username = '';
  parsed.password = '';
  return { url: parsed.toString(), onAuth: () => auth };
}

function httpError(error: unknown, doing: string): DStoreError {
  if (isDStoreError(error)) return error;
  const { message = String(error), data } = error as { message?: string; data?: { statusCode?: number } };
  const status = data?.statusCode;
  if (status === 401 || status === 403) {
    return new DStoreError('PERMISSION', `${doing}: ${message}`, { cause: error, hint: 'install git to use stored credentials, or put USER:TOKEN@ into the URL' });
  }
  return new DStoreError('REMOTE_UNAVAILABLE', `${doing}: ${message}`, { cause: error, retryable: status === undefined || status >= 500 });
}

/** References of a server and the branch that its HEAD names. */
export async function describeHttp(url: string): Promise<{ refs: Map<string, string>; head: string | undefined }> {
  try {
    const { git, http } = await load();
    const list = await git.listServerRefs({ http, ...credentials(url), symrefs: true });
    const refs = new Map(list.filter(({ ref }) => !ref.endsWith('^{}')).map(({ ref, oid }) => [ref, oid]));
    return { refs, head: list.find(({ ref }) => ref === 'HEAD')?.target };
  } catch (error) {
    throw httpError(error, `cannot ask ${url}`);
  }
}

export async function listHttpRefs(url: string): Promise<Map<string, string>> {
  return (await describeHttp(url)).refs;
}

/** Fetches the objects of all references that we lack. The pack is in memory while it arrives. */
export async function fetchHttpObjects(
  source: { readonly gitDir: string; readonly commonDir: string; readonly shared: SharedMode }, url: string,
): Promise<void> {
  const overlay = createOverlay();
  try {
    const { git, http } = await load();
    await git.fetch({ fs: overlay.fs, http, gitdir: source.commonDir, remote: 'origin', ...credentials(url), singleBranch: false, tags: true });
  } catch (error) {
    throw httpError(error, `cannot fetch from ${url}`);
  }
  const packs = join(source.commonDir, 'objects/pack');
  makeDirectory(packs, source.shared);
  const mode = source.shared === 'group' ? 0o440 : 0o444;
  for (const suffix of ['.pack', '.idx']) {
    for (const [path, data] of overlay.written) {
      const name = path.startsWith(`${packs}/`) && path.endsWith(suffix) ? path.slice(packs.length + 1) : undefined;
      if (name !== undefined) writeFileAtomic(join(packs, name), data, { mode });
    }
  }
}

export async function pushHttp(
  source: { readonly commonDir: string; isAncestor(a: string, b: string, op: Op): Promise<boolean>; hasObjects(oids: readonly string[]): Set<string> },
  url: string, planned: readonly { name: string; to: string; oid: string | undefined; force: boolean }[], op: Op,
): Promise<PushResult[]> {
  const { git, http } = await load();
  const theirs = await listHttpRefs(url);
  const results: PushResult[] = [];
  for (const { name, to, oid, force } of planned) {
    checkAborted(op);
    const old = theirs.get(to);
    if (old === oid) {
      results.push({ ref: to, status: 'uptodate', message: '[up to date]' });
      continue;
    }
    const knows = old === undefined || oid === undefined || force || (source.hasObjects([old]).has(old)
      && await source.isAncestor(old, oid, op));
    if (!knows) {
      results.push({ ref: to, status: 'rejected', message: '[rejected] (fetch first)' });
      continue;
    }
    try {
      const answer = await git.push({
        fs: createOverlay().fs, http, gitdir: source.commonDir, ...credentials(url), remote: 'origin', remoteRef: to, force: true,
        ...(oid === undefined ? { ref: to, delete: true } : { ref: name }), signal: op.signal,
      });
      const line = answer.refs[to];
      const failed = !answer.ok || line?.ok === false;
      results.push({ ref: to, status: failed ? 'error' : 'ok', message: failed ? `[remote rejected] ${answer.error ?? line?.error ?? ''}`.trim() : 'pushed' });
    } catch (error) {
      checkAborted(op);
      const prettyDetails = (error as { data?: { prettyDetails?: string } }).data?.prettyDetails;
      if ((error as { code?: string }).code !== 'GitPushError') throw httpError(error, `cannot push to ${url}`);
      results.push({ ref: to, status: 'error', message: `[remote rejected] ${prettyDetails ?? ''}`.trim() });
    }
  }
  return results;
}
