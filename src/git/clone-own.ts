/** Cloning without the git program: local paths by copying objects and references, http(s) by isomorphic-git. */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError } from '../core/errors.ts';
import type { CloneOptions } from './clone.ts';
import { editConfig } from './config.ts';
import { copyObjects } from './copy-objects.ts';
import { findRepository, repositoryAt } from './discovery.ts';
import type { RepositoryPlace } from './discovery.ts';
import { createRepository } from './init.ts';
import type { OwnRepository } from './repository.ts';
import { localPathOf, needsGit } from './refspec.ts';
import { moveWorkTree } from './work-tree-move.ts';

/** Where a local URL leads: the path, a repository in it, or the path with `.git` added. */
export function localRepository(path: string): RepositoryPlace {
  const place = repositoryAt(path) ?? repositoryAt(`${path}.git`);
  if (place === undefined) throw new DStoreError('REMOTE_UNAVAILABLE', `${path} is no git repository`);
  return place;
}

export async function cloneOwn(
  url: string, target: string, options: CloneOptions, open: (place: RepositoryPlace) => OwnRepository,
): Promise<void> {
  const path = localPathOf(url, process.cwd());
  const http = /^https?:\/\//i.test(url);
  if (path === undefined && !http) throw needsGit(url, 'cannot clone');
  const origin = path === undefined ? undefined : open(localRepository(path));
  try {
    const remote = http ? await (await import('./transport-http.ts')).describeHttp(url) : undefined;
    // References first: what they name is among the objects that are copied afterwards.
    const refs = origin?.listRefs('refs/') ?? remote?.refs ?? new Map<string, string>();
    const head = origin === undefined ? remote?.head : origin.head().ref;
    const headOid = origin === undefined ? remote?.refs.get('HEAD') : origin.head().oid;
    const branch = options.branch ?? (head?.startsWith('refs/heads/') === true ? head.slice('refs/heads/'.length) : undefined);
    if (options.branch !== undefined && !refs.has(`refs/heads/${options.branch}`)) {
      throw new DStoreError('GIT', `cannot clone ${url}: it has no branch ${options.branch}`);
    }
    const gitDir = createRepository(target, branch === undefined ? {} : { initialBranch: branch });
    const canonical = path !== undefined && !/^file:/i.test(url) ? (existsSync(path) ? path : `${path}.git`) : url;
    editConfig(join(gitDir, 'config'), [
      { name: 'remote.origin.url', value: canonical },
      { name: 'remote.origin.fetch', value: '+refs/heads/*:refs/remotes/origin/*' },
      ...(branch === undefined ? [] : [{ name: `branch.${branch}.remote`, value: 'origin' }, { name: `branch.${branch}.merge`, value: `refs/heads/${branch}` }]),
      ...Object.entries(options.config ?? {}).map(([name, value]) => ({ name, value })),
    ]);
    const clone = open(findRepository(target));
    try {
      if (origin === undefined) {
        await (await import('./transport-http.ts')).fetchHttpObjects(clone, url);
      } else {
        await copyObjects(join(origin.commonDir, 'objects'), join(gitDir, 'objects'), options.op, { link: true, shared: clone.shared, alternates: 'refer' });
        const shallow = join(origin.commonDir, 'shallow');
        if (existsSync(shallow)) copyFileSync(shallow, join(gitDir, 'shallow'));
      }
      const copied = new Map<string, string>();
      for (const [name, oid] of refs) {
        if (name.startsWith('refs/heads/')) copied.set(`refs/remotes/origin/${name.slice('refs/heads/'.length)}`, oid);
        else if (name.startsWith('refs/tags/')) copied.set(name, oid);
      }
      clone.writePackedRefs(copied);
      if (branch !== undefined && refs.has(`refs/heads/${branch}`)) {
        if (options.branch === undefined) clone.setSymbolic('refs/remotes/origin/HEAD', `refs/remotes/origin/${branch}`);
        clone.updateRefs([{ name: `refs/heads/${branch}`, to: refs.get(`refs/heads/${branch}`) as string, from: null }], `clone: from ${url}`);
      } else if (branch === undefined && headOid !== undefined) {
        clone.detachHead(headOid, `clone: from ${url}`);
      }
      const start = clone.head().oid;
      if (options.checkout && start !== undefined) await moveWorkTree(clone, undefined, start, options.op);
    } finally {
      await clone.close();
    }
  } finally {
    await origin?.close();
  }
}

