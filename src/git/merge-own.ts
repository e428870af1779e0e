/** Merging without the git program: whole files three-way, and text by lines. */
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import type { Merger } from './merge.ts';
import { mergeText } from './merge-text.ts';
import type { ObjectWriter, TreeChange } from './objects.ts';
import { identity } from './objects.ts';
import type { Head, RefChange } from './refs.ts';
import { diffTrees, editTree, findEntries, listTree } from './tree.ts';
import { moveWorkTree } from './work-tree-move.ts';
import type { WorkTreeSource } from './work-tree-move.ts';

export interface OwnMergeSource extends WorkTreeSource {
  head(): Head;
  writer(): ObjectWriter;
  updateRefs(changes: readonly RefChange[], reason: string): void;
  resolve(revision: string, op: Op): Promise<string | undefined>;
  mergeBase(a: string, b: string, op: Op): Promise<string | undefined>;
}

type Side = { readonly mode: string; readonly oid: string } | undefined;

export function ownMerger(source: OwnMergeSource): Merger {
  return async (commit, message, op) => {
    if (source.worktree === undefined) throw new DStoreError('UNSUPPORTED', 'a bare repository has no checked-out branch to merge into');
    const theirs = await source.resolve(`${commit}^{commit}`, op);
    if (theirs === undefined) throw new DStoreError('GIT', `cannot merge ${commit}: there is no such commit`);
    const head = source.head();
    const ours = head.oid;
    const advance = (to: string, reason: string): void => source.updateRefs([{ name: 'HEAD', to, from: ours ?? null }], reason);
    if (ours === undefined) {
      await moveWorkTree(source, undefined, theirs, op);
      advance(theirs, 'initial pull');
      return { status: 'fast-forward' };
    }
    const base = await source.mergeBase(ours, theirs, op);
    if (base === theirs) return { status: 'uptodate' };
    if (base === undefined) throw new DStoreError('GIT', `cannot merge ${commit}: the histories have nothing in common`);
    if (base === ours) {
      await moveWorkTree(source, ours, theirs, op);
      advance(theirs, `merge ${commit}: Fast-forward`);
      return { status: 'fast-forward' };
    }
    const writer = source.writer();
    const ourChanges = new Map((await diffTrees(source.readObjects, base, ours, op)).map((change) => [change.path, change]));
    const theirChanges = await diffTrees(source.readObjects, base, theirs, op);
    const { result, conflicts } = await combine(source, ourChanges, theirChanges, writer, op);
    for (const path of await collisions(source, ours, result, op)) conflicts.push(path);
    if (conflicts.length > 0) {
      writer.discard();
      return { status: 'conflict', conflicts: [...new Set(conflicts)].sort() };
    }
    const tree = await editTree(source.readObjects, ours, result, writer, op);
    const fields = { tree, parents: [ours, theirs], author: identity(source.config, 'author'), committer: identity(source.config) };
    const merged = writer.commit({ ...fields, message: message.endsWith('\n') ? message : `${message}\n` });
    await writer.flush();
    await moveWorkTree(source, ours, merged, op);
    advance(merged, `merge ${commit}: Merge made by dstore.`);
    return { status: 'merged' };
  };
}

/** Their changes as far as they differ from ours. */
async function combine(
  source: OwnMergeSource, ourChanges: ReadonlyMap<string, TreeChange>, theirChanges: readonly TreeChange[], writer: ObjectWriter, op: Op,
): Promise<{ result: Map<string, Side>; conflicts: string[] }> {
  const result = new Map<string, Side>();
  const conflicts: string[] = [];
  for (const { path, from, to } of theirChanges) {
    const our = ourChanges.get(path);
    if (our === undefined) {
      result.set(path, to);
      continue;
    }
    if (our.to?.oid === to?.oid && our.to?.mode === to?.mode) continue;
    const merged = our.to !== undefined && to !== undefined && from !== undefined ? await mergeFile(source, from, our.to, to, writer, op) : undefined;
    if (merged === undefined) conflicts.push(path);
    else result.set(path, merged);
  }
  return { result, conflicts };
}

async function mergeFile(
  source: OwnMergeSource, base: NonNullable<Side>, ours: NonNullable<Side>, theirs: NonNullable<Side>, writer: ObjectWriter, op: Op,
): Promise<Side> {
  if (![base, ours, theirs].every(({ mode }) => mode.startsWith('100'))) return undefined;
  const mode = ours.mode === base.mode ? theirs.mode : ours.mode;
  if (ours.oid === base.oid) return { mode, oid: theirs.oid };
  if (theirs.oid === base.oid || theirs.oid === ours.oid) return { mode, oid: ours.oid };
  const contents = new Map<string, Buffer>();
  await source.readObjects([base.oid, ours.oid, theirs.oid], (oid, object) => {
    if (object !== undefined) contents.set(oid, object.data);
  }, op);
  const [a, b, c] = [base, ours, theirs].map(({ oid }) => contents.get(oid));
  if (a === undefined || b === undefined || c === undefined) throw new DStoreError('GIT_CORRUPT', 'a file to merge is missing', {
    hint: 'git fsck',
  });
  const merged = mergeText(a, b, c);
  return merged === undefined ? undefined : { mode, oid: writer.blob(merged) };
}

/** Paths that would be both a file and a directory. */
async function collisions(source: OwnMergeSource, ours: string, result: ReadonlyMap<string, Side>, op: Op): Promise<string[]> {
  const added = [...result].filter(([, side]) => side !== undefined).map(([path]) => path);
  const parents = new Set<string>();
  for (const path of added) for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) parents.add(path.slice(0, slash));
  const existing = await findEntries(source.readObjects, ours, [...added, ...parents], op);
  const found: string[] = [];
  for (const path of added) {
    if (existing.get(path)?.mode !== '40000') continue;
    // All that is in the directory may be removed by the same merge.
    const below = await listTree(source.readObjects, ours, op, path);
    if (below.some((file) => !result.has(file.path) || result.get(file.path) !== undefined)) found.push(path);
  }
  for (const path of parents) {
    const entry = existing.get(path);
    if (entry !== undefined && entry.mode !== '40000' && !(result.has(path) && result.get(path) === undefined)) found.push(path);
  }
  return found;
}
