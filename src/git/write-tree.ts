/** Writes the trees of an index, as `git write-tree` does. */
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { CacheTree } from './cache-tree.ts';
import { emptyCacheTree } from './cache-tree.ts';
import type { GitIndex } from './git-index.ts';
import type { ObjectWriter } from './objects.ts';
import type { GitRepository } from './repository.ts';

/**
 * Oid of the tree of an index. Directories that the cache tree knows and that exist are not written again; the cache tree is
 * filled, so that committing the index keeps later `git status` and `git commit` fast.
 * @param base a tree or commit that exists; nothing below it needs to be looked for
 * @throws CONFLICT when paths are unmerged
 */
export async function writeTreeFromIndex(
  index: GitIndex, base: string | undefined, repo: Pick<GitRepository, 'hasObjects'>, writer: ObjectWriter, op: Op,
): Promise<string> {
  checkAborted(op);
  const entries = index.entries;
  const unmerged = entries.find((entry) => entry.stage !== 0);
  if (unmerged !== undefined) {
    throw new DStoreError('CONFLICT', `${unmerged.path} is unmerged`, { hint: `resolve it, then: git add ${unmerged.path}` });
  }
  const root = index.tree ?? emptyCacheTree();
  // The trees that will be taken over as they are: somebody may have pruned them.
  const used: CacheTree[] = [];
  const collect = (node: CacheTree): void => {
    if (node.count >= 0) used.push(node);
    else for (const child of node.children.values()) collect(child);
  };
  collect(root);
  const candidates = used.map((node) => node.oid).filter((oid) => oid !== base);
  const present = repo.hasObjects(candidates);
  for (const node of used) if (node.oid !== base && !present.has(node.oid)) forget(node);

  /** Writes entries[from, …) below `prefix`; returns where it stopped. */
  const write = (node: CacheTree, prefix: string, from: number): { end: number; empty: boolean } => {
    if (node.count >= 0) return { end: from + node.count, empty: false };
    const tree: { mode: string; name: string; oid: string }[] = [];
    const live = new Set<string>();
    let at = from;
    let intent = false;
    for (;;) {
      const entry = entries[at];
      if (entry === undefined || !entry.path.startsWith(prefix)) break;
      const slash = entry.path.indexOf('/', prefix.length);
      if (slash < 0) {
        if (entry.intentToAdd) intent = true;
        else tree.push({ mode: entry.mode.toString(8), name: entry.path.slice(prefix.length), oid: entry.oid });
        at += 1;
        continue;
      }
      const name = entry.path.slice(prefix.length, slash);
      let child = node.children.get(name);
      if (child === undefined) {
        child = emptyCacheTree();
        node.children.set(name, child);
      }
      live.add(name);
      const done = write(child, entry.path.slice(0, slash + 1), at);
      if (done.empty) {
        node.children.delete(name);
        intent = true;
      } else {
        tree.push({ mode: '40000', name, oid: child.oid });
        if (child.count < 0) intent = true;
      }
      at = done.end;
    }
    for (const name of node.children.keys()) if (!live.has(name)) node.children.delete(name);
    node.oid = writer.tree(tree);
    // Entries that are only announced are in the index but in no tree, so the directory cannot be called known.
    node.count = intent ? -1 : at - from;
    return { end: at, empty: tree.length === 0 && prefix !== '' };
  };
  write(root, '', 0);
  index.tree = root;
  return root.oid;
}

function forget(node: CacheTree): void {
  node.count = -1;
  for (const child of node.children.values()) forget(child);
}
