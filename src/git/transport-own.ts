/** Exchange with other repositories without the git program: local paths by copying, http(s) by isomorphic-git. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { SharedMode } from '../io/durable.ts';
import type { GitConfig } from './config.ts';
import { copyObjects } from './copy-objects.ts';
import { candidateRefs } from './history.ts';
import { refuseOption } from './program.ts';
import type { Refspec } from './refspec.ts';
import { localPathOf, mapRef, needsGit, parseRefspec, remoteUrl } from './refspec.ts';
import type { Head, RefChange } from './refs.ts';
import type { PushResult, Transport, TransportSource } from './transport.ts';

export interface OwnTransportSource extends TransportSource {
  readonly bare: boolean;
  readonly commonDir: string;
  readonly shared: SharedMode;
  readonly config: GitConfig;
  head(): Head;
  readRef(name: string): string | undefined;
  listRefs(prefix: string): Map<string, string>;
  updateRefs(changes: readonly RefChange[], reason: string): void;
  hasObjects(oids: readonly string[]): Set<string>;
  resolve(revision: string, op: Op): Promise<string | undefined>;
  isAncestor(ancestor: string, descendant: string, op: Op): Promise<boolean>;
  close(): Promise<void>;
}

/** @param open opens another repository of this machine */
export function ownTransport(source: OwnTransportSource, open: (path: string) => OwnTransportSource): Transport {
  const cwd = source.worktree ?? source.gitDir;
  const check = (remote: string, refspecs: readonly string[]): void => {
    refuseOption(remote, 'a remote');
    for (const refspec of refspecs) refuseOption(refspec, 'a refspec');
  };

  const withLocal = async <T>(url: string, doing: string, use: (other: OwnTransportSource) => Promise<T>): Promise<T> => {
    const path = localPathOf(url, cwd);
    if (path === undefined) throw needsGit(url, doing);
    const other = open(path);
    try {
      return await use(other);
    } finally {
      await other.close();
    }
  };

  const listRefs = async (url: string, op: Op): Promise<Map<string, string>> => {
    if (/^https?:\/\//i.test(url)) return (await import('./transport-http.ts')).listHttpRefs(url);
    return withLocal(url, 'cannot list references', async (other) => {
      checkAborted(op);
      const head = other.head().oid;
      return new Map([...(head === undefined ? [] : [['HEAD', head] as const]), ...other.listRefs('refs/')]);
    });
  };

  return {
    async fetch(remote, refspecs, op) {
      check(remote, refspecs);
      const url = remoteUrl(source.config, remote);
      const configured = source.config.getAll(`remote.${remote}.fetch`).map(parseRefspec);
      const asked = refspecs.map(parseRefspec);
      const theirs = await listRefs(url, op);
      const planned = planFetch(theirs, asked.length > 0 ? asked : configured, configured, remote);
      const wanted = [...new Set(planned.map(({ oid }) => oid))];
      const tags = [...theirs].filter(([name]) => name.startsWith('refs/tags/') && source.readRef(name) === undefined);
      // Only what a reference of ours names is known to be complete: an interrupted copy may have left a commit without its parents.
      const complete = new Set(source.listRefs('refs/').values());
      if (wanted.some((oid) => !complete.has(oid))) {
        if (/^https?:\/\//i.test(url)) await (await import('./transport-http.ts')).fetchHttpObjects(source, url);
        else {
          const target = join(source.commonDir, 'objects');
          await withLocal(url, 'cannot fetch', (other) => copyObjects(join(other.commonDir, 'objects'), target, op, { link: false, shared: source.shared }));
        }
      }
      const lacking = wanted.length - source.hasObjects(wanted).size;
      if (lacking > 0) throw new DStoreError('REMOTE_UNAVAILABLE', `cannot fetch from ${remote}: ${lacking} of its objects did not arrive`);
      const changes: RefChange[] = [];
      const refused: string[] = [];
      for (const { to, oid, force } of planned) {
        if (to === undefined) continue;
        const old = source.readRef(to);
        if (old === oid) continue;
        if (old !== undefined && !force && !await source.isAncestor(old, oid, op)) refused.push(to);
        else changes.push({ name: to, to: oid, from: old ?? null });
      }
      // Tags that point into what was fetched come along, as with git.
      const present = source.hasObjects(tags.map(([, oid]) => oid));
      for (const [name, oid] of tags) if (present.has(oid) && !changes.some((change) => change.name === name)) changes.push({ name, to: oid, from: null });
      if (changes.length > 0) source.updateRefs(changes, `fetch ${remote}`);
      writeFileSync(join(source.gitDir, 'FETCH_HEAD'), planned.map(({ name, oid }) => `${oid}\t${asked.length > 0 ? '' : 'not-for-merge'}\t${describeRef(name)} of ${url}\n`).join(''));
      if (refused.length > 0) throw new DStoreError('CONFLICT', `cannot fetch from ${remote}: ${refused.join(', ')} would lose commits`, {
        hint: 'put a + before the refspec to overwrite',
      });
    },

    async push(remote, refspecs, op) {
      check(remote, refspecs);
      const url = remoteUrl(source.config, remote, true);
      const planned: { name: string; to: string; oid: string | undefined; force: boolean }[] = [];
      for (const text of refspecs) planned.push(...await planPush(source, parseRefspec(text), op));
      if (/^https?:\/\//i.test(url)) return (await import('./transport-http.ts')).pushHttp(source, url, planned, op);
      const results = await withLocal(url, 'cannot push', (other) => pushLocal(source, other, planned, op));
      const tracking = source.config.getAll(`remote.${remote}.fetch`).map(parseRefspec);
      const changes: RefChange[] = [];
      for (const [index, { to, oid }] of planned.entries()) {
        const ours = tracking.map((refspec) => mapRef(refspec, to)).find((name) => name !== undefined);
        const status = results[index]?.status;
        if (ours !== undefined && (status === 'ok' || status === 'uptodate') && source.readRef(ours) !== oid) {
          changes.push({ name: ours, to: oid });
        }
      }
      if (changes.length > 0) source.updateRefs(changes, 'update by push');
      return results;
    },

    async listRemoteRefs(remote, op) {
      check(remote, []);
      return listRefs(remoteUrl(source.config, remote), op);
    },
  };
}

interface PlannedFetch { readonly name: string; readonly oid: string; readonly to: string | undefined; readonly force: boolean }

function planFetch(
  theirs: ReadonlyMap<string, string>, refspecs: readonly Refspec[], configured: readonly Refspec[], remote: string,
): PlannedFetch[] {
  const planned: PlannedFetch[] = [];
  for (const refspec of refspecs) {
    if (refspec.from.includes('*')) {
      for (const [name, oid] of theirs) {
        const to = mapRef(refspec, name);
        if (to !== undefined) planned.push({ name, oid, to, force: refspec.force });
      }
      continue;
    }
    const wanted = refspec.from === '' ? 'HEAD' : refspec.from;
    const name = candidateRefs(wanted).find((candidate) => theirs.has(candidate)) ?? (/^[0-9a-f]{40}$/.test(wanted) ? wanted : undefined);
    if (name === undefined) throw new DStoreError('GIT', `cannot fetch from ${remote}: it has no ${wanted}`);
    const oid = theirs.get(name) ?? name;
    const to = refspec.to === undefined || refspec.to === '' ? undefined : fullName(refspec.to, name);
    if (to !== undefined) planned.push({ name, oid, to, force: refspec.force });
    // A branch asked for by name also moves where the configuration says that it is followed.
    const followed = configured.map((rule) => ({ rule, to: mapRef(rule, name) })).find((item) => item.to !== undefined);
    if (to === undefined) planned.push({ name, oid, to: followed?.to, force: followed?.rule.force ?? false });
  }
  return planned;
}

function fullName(name: string, like: string): string {
  if (name.startsWith('refs/')) return name;
  return like.startsWith('refs/tags/') ? `refs/tags/${name}` : `refs/heads/${name}`;
}

function describeRef(name: string): string {
  return name.startsWith('refs/heads/') ? `branch '${name.slice(11)}'` : name.startsWith('refs/tags/') ? `tag '${name.slice(10)}'`
    : `'${name}'`;
}

async function planPush(
  source: OwnTransportSource, refspec: Refspec, op: Op,
): Promise<{ name: string; to: string; oid: string | undefined; force: boolean }[]> {
  if (refspec.from.includes('*')) {
    const all = [...source.listRefs('refs/')];
    return all.flatMap(([name, oid]) => {
      const to = mapRef({ ...refspec, to: refspec.to ?? refspec.from }, name);
      return to === undefined ? [] : [{ name, to, oid, force: refspec.force }];
    });
  }
  if (refspec.from === '') return [{ name: '', to: fullName(refspec.to ?? '', 'refs/heads/'), oid: undefined, force: refspec.force }];
  const name = candidateRefs(refspec.from).find((candidate) => candidate !== 'HEAD' && source.readRef(candidate) !== undefined
    && candidate.startsWith('refs/'));
  const oid = name === undefined ? await source.resolve(refspec.from, op) : source.readRef(name);
  if (oid === undefined) throw new DStoreError('GIT', `cannot push ${refspec.from}: there is no such reference`);
  const own = refspec.from === 'HEAD' ? source.head().ref : name;
  return [{ name: own ?? refspec.from, to: refspec.to === undefined ? (own ?? `refs/heads/${refspec.from}`)
    : fullName(refspec.to, own ?? ''), oid, force: refspec.force }];
}

async function pushLocal(
  source: OwnTransportSource, other: OwnTransportSource, planned: readonly { to: string; oid: string | undefined; force: boolean }[], op: Op,
): Promise<PushResult[]> {
  // Only what a reference of theirs names is known to be complete there.
  const complete = new Set(other.listRefs('refs/').values());
  if (planned.some(({ oid }) => oid !== undefined && !complete.has(oid))) {
    await copyObjects(join(source.commonDir, 'objects'), join(other.commonDir, 'objects'), op, { link: false, shared: other.shared });
  }
  const results: PushResult[] = [];
  for (const { to, oid, force } of planned) {
    checkAborted(op);
    const old = other.readRef(to);
    const refusal = old === oid ? undefined : await refusePush(other, to, old, oid, force, op);
    if (refusal !== undefined) {
      results.push({ ref: to, ...refusal });
    } else if (old === oid) {
      results.push({ ref: to, status: 'uptodate', message: '[up to date]' });
    } else {
      try {
        other.updateRefs([{ name: to, to: oid, from: old ?? null }], 'push');
        results.push({ ref: to, status: 'ok', message: oid === undefined ? '[deleted]' : old === undefined ? '[new reference]' : `${old.slice(0, 7)}..${oid.slice(0, 7)}` });
      } catch (error) {
        const code = (error as { code?: string }).code;
        const message = error instanceof Error ? error.message : String(error);
        results.push({ ref: to, status: code === 'CONFLICT' || code === 'LOCKED' ? 'rejected' : 'error', message });
      }
    }
  }
  return results;
}

/** The rules that git's receiving side has (git-config(1), receive.*). */
async function refusePush(
  other: OwnTransportSource, to: string, old: string | undefined, oid: string | undefined, force: boolean, op: Op,
): Promise<{ status: 'rejected' | 'error'; message: string } | undefined> {
  if (!other.bare && other.head().ref === to) {
    const rule = other.config.get(oid === undefined ? 'receive.denydeletecurrent' : 'receive.denycurrentbranch')?.toLowerCase() ?? 'refuse';
    if (!/^(?:ignore|warn|false|no|off|0)$/.test(rule)) {
      return { status: 'error', message: '[remote rejected] (branch is currently checked out)' };
    }
  }
  if (oid === undefined) {
    return other.config.getBoolean('receive.denydeletes') === true ? { status: 'error', message: '[remote rejected] (deletion prohibited)' }
      : undefined;
  }
  if (old === undefined) return undefined;
  const forward = await other.isAncestor(old, oid, op);
  if (forward) return to.startsWith('refs/tags/') && !force ? { status: 'rejected', message: '[rejected] (already exists)' } : undefined;
  if (!force) return { status: 'rejected', message: '[rejected] (non-fast-forward)' };
  return other.config.getBoolean('receive.denynonfastforwards') === true ? { status: 'error', message: '[remote rejected] (non-fast-forward)' } : undefined;
}
