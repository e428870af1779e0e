/** Reading, comparing and changing trees level by level, so that every level costs one round of reading. */
import { createHash } from 'node:crypto';
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import { sortByPath } from './bytes.ts';
import type { GitObject, ObjectWriter, TreeChange, TreeFile } from './objects.ts';
import { parseCommit } from './objects.ts';
import type { TreeEntry } from './tree-format.ts';
import { EMPTY_TREE, parseTree, printTree } from './tree-format.ts';

/** Reads many objects; see GitRepository.readObjects. */
export type ReadObjects = (oids: readonly string[], each: (oid: string, object: GitObject | undefined) => void, op: Op) => Promise<void>;

const DIRECTORY = '40000';

/** Oid of the tree that a tree, commit or tag stands for. @throws GIT_CORRUPT when it is missing or a blob */
export async function treeOf(read: ReadObjects, treeish: string, op: Op): Promise<string> {
  let oid = treeish;
  for (let depth = 0; depth < 10; depth += 1) {
    if (oid === EMPTY_TREE) return oid;
    let next: string | undefined;
    await read([oid], (_, object) => {
      if (object === undefined) throw missing(oid);
      if (object.type === 'tree') next = oid;
      else if (object.type === 'commit') next = parseCommit(oid, object.data).tree;
      else if (object.type === 'tag') next = /^object ([0-9a-f]{40})$/m.exec(object.data.toString('latin1'))?.[1];
    }, op);
    if (next === undefined) throw new DStoreError('GIT_CORRUPT', `git object ${treeish} is not a tree or commit`);
    if (next === oid) return oid;
    oid = next;
  }
  throw new DStoreError('GIT_CORRUPT', `git tag ${treeish} is nested too deeply`);
}

function missing(oid: string): DStoreError {
  return new DStoreError('GIT_CORRUPT', `git object ${oid} is missing`, {
    hint: 'fetch it again with: git fetch --refetch, or see what is affected with: git fsck',
  });
}

/** Reads trees, each once, and calls back per oid. */
async function readTrees(
  read: ReadObjects, oids: Iterable<string>, each: (oid: string, entries: TreeEntry[]) => void, op: Op,
): Promise<void> {
  const wanted: string[] = [];
  for (const oid of new Set(oids)) if (oid === EMPTY_TREE) each(oid, []); else wanted.push(oid);
  if (wanted.length === 0) return;
  await read(wanted, (oid, object) => {
    if (object === undefined) throw missing(oid);
    if (object.type !== 'tree') throw new DStoreError('GIT_CORRUPT', `git object ${oid} should be a tree and is a ${object.type}`);
    each(oid, parseTree(object.data, oid));
  }, op);
}

function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** All files below a tree, or below `prefix` in it (a directory, or one file), with paths from the top, sorted bytewise. */
export async function listTree(read: ReadObjects, treeish: string, op: Op, prefix = ''): Promise<TreeFile[]> {
  const files: TreeFile[] = [];
  let level: { directory: string; oid: string }[] = [{ directory: '', oid: await treeOf(read, treeish, op) }];
  const parts = prefix.split('/').filter((part) => part !== '');
  for (let depth = 0; depth < parts.length; depth += 1) {
    const current = level[0];
    if (current === undefined) return files;
    level = [];
    await readTrees(read, [current.oid], (_, entries) => {
      const entry = entries.find(({ name }) => name === parts[depth]);
      if (entry === undefined) return;
      if (entry.mode === DIRECTORY) level.push({ directory: join(current.directory, entry.name), oid: entry.oid });
      else if (depth === parts.length - 1) files.push({ path: parts.join('/'), mode: entry.mode, oid: entry.oid });
    }, op);
  }
  await expand(read, level, files, op);
  return sortByPath(files, (file) => file.path);
}

async function expand(read: ReadObjects, start: readonly { directory: string; oid: string }[], files: TreeFile[], op: Op): Promise<void> {
  let level = start;
  while (level.length > 0) {
    checkAborted(op);
    const places = new Map<string, string[]>();
    for (const { directory, oid } of level) {
      const list = places.get(oid);
      if (list === undefined) places.set(oid, [directory]);
      else list.push(directory);
    }
    const next: { directory: string; oid: string }[] = [];
    await readTrees(read, places.keys(), (oid, entries) => {
      for (const directory of places.get(oid) ?? []) {
        for (const entry of entries) {
          const path = join(directory, entry.name);
          if (entry.mode === DIRECTORY) next.push({ directory: path, oid: entry.oid });
          else files.push({ path, mode: entry.mode, oid: entry.oid });
        }
      }
    }, op);
    level = next;
  }
}

/** Files that differ between two trees; an undefined side is empty. Sorted bytewise. */
export async function diffTrees(read: ReadObjects, from: string | undefined, to: string | undefined, op: Op): Promise<TreeChange[]> {
  const removed: TreeFile[] = [];
  const added: TreeFile[] = [];
  const removedTrees: { directory: string; oid: string }[] = [];
  const addedTrees: { directory: string; oid: string }[] = [];
  let level = [{
    directory: '', from: from === undefined ? EMPTY_TREE : await treeOf(read, from, op), to: to === undefined ? EMPTY_TREE : await treeOf(read, to, op),
  }];
  while (level.length > 0) {
    checkAborted(op);
    const pairs = level.filter((pair) => pair.from !== pair.to);
    const trees = new Map<string, TreeEntry[]>();
    await readTrees(read, pairs.flatMap((pair) => [pair.from, pair.to]), (oid, entries) => trees.set(oid, entries), op);
    level = [];
    for (const pair of pairs) {
      const old = new Map((trees.get(pair.from) ?? []).map((entry) => [entry.name, entry]));
      const drop = (entry: TreeEntry): void => {
        const path = join(pair.directory, entry.name);
        if (entry.mode === DIRECTORY) removedTrees.push({ directory: path, oid: entry.oid });
        else removed.push({ path, mode: entry.mode, oid: entry.oid });
      };
      for (const entry of trees.get(pair.to) ?? []) {
        const before = old.get(entry.name);
        old.delete(entry.name);
        if (before !== undefined && before.oid === entry.oid && before.mode === entry.mode) continue;
        const path = join(pair.directory, entry.name);
        if (before?.mode === DIRECTORY && entry.mode === DIRECTORY) {
          level.push({ directory: path, from: before.oid, to: entry.oid });
          continue;
        }
        if (before !== undefined) drop(before);
        if (entry.mode === DIRECTORY) addedTrees.push({ directory: path, oid: entry.oid });
        else added.push({ path, mode: entry.mode, oid: entry.oid });
      }
      for (const entry of old.values()) drop(entry);
    }
  }
  await expand(read, removedTrees, removed, op);
  await expand(read, addedTrees, added, op);
  const changes = new Map<string, TreeChange>();
  for (const { path, mode, oid } of removed) changes.set(path, { path, from: { mode, oid } });
  for (const { path, mode, oid } of added) changes.set(path, { ...changes.get(path), path, to: { mode, oid } });
  return sortByPath([...changes.values()], (change) => change.path);
}

/** A directory of the paths that are asked for or changed. */
interface PathNode<T> { readonly files: Map<string, T>; readonly directories: Map<string, PathNode<T>> }

function insert<T>(root: PathNode<T>, path: string, value: T): void {
  let node = root;
  let start = 0;
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', start)) {
    const name = path.slice(start, slash);
    let child = node.directories.get(name);
    if (child === undefined) {
      child = { files: new Map(), directories: new Map() };
      node.directories.set(name, child);
    }
    node = child;
    start = slash + 1;
  }
  node.files.set(path.slice(start), value);
}

/** Entries of any kind at some paths; what is not there is not in the result. */
export async function findEntries(
  read: ReadObjects, treeish: string | undefined, paths: readonly string[], op: Op,
): Promise<Map<string, TreeEntry>> {
  const found = new Map<string, TreeEntry>();
  if (treeish === undefined || paths.length === 0) return found;
  const root: PathNode<string> = { files: new Map(), directories: new Map() };
  for (const path of paths) insert(root, path, path);
  let level: { node: PathNode<string>; oid: string }[] = [{ node: root, oid: await treeOf(read, treeish, op) }];
  while (level.length > 0) {
    checkAborted(op);
    const nodes = new Map<string, PathNode<string>[]>();
    for (const { node, oid } of level) {
      const list = nodes.get(oid);
      if (list === undefined) nodes.set(oid, [node]);
      else list.push(node);
    }
    const next: { node: PathNode<string>; oid: string }[] = [];
    await readTrees(read, nodes.keys(), (oid, entries) => {
      for (const node of nodes.get(oid) ?? []) {
        for (const entry of entries) {
          const path = node.files.get(entry.name);
          if (path !== undefined) found.set(path, entry);
          const child = entry.mode === DIRECTORY ? node.directories.get(entry.name) : undefined;
          if (child !== undefined) next.push({ node: child, oid: entry.oid });
        }
      }
    }, op);
    level = next;
  }
  return found;
}

/** Blobs at some paths; paths that are not there, or are no files, are not in the result. */
export async function readPaths(
  read: ReadObjects, treeish: string | undefined, paths: readonly string[], op: Op,
): Promise<Map<string, { oid: string; data: Buffer }>> {
  const oids = new Map<string, string>();
  for (const [path, entry] of await findEntries(read, treeish, paths, op)) {
    if (entry.mode !== DIRECTORY && entry.mode !== '160000') oids.set(path, entry.oid);
  }
  const blobs = new Map<string, Buffer>();
  await read([...new Set(oids.values())], (oid, object) => {
    if (object === undefined) throw missing(oid);
    blobs.set(oid, object.data);
  }, op);
  const result = new Map<string, { oid: string; data: Buffer }>();
  for (const [path, oid] of oids) result.set(path, { oid, data: blobs.get(oid) as Buffer });
  return result;
}

interface EditNode {
  readonly changes: Map<string, { mode: string; oid: string } | undefined>;
  readonly directories: Map<string, EditNode>;
  base: string | undefined;
  entries: TreeEntry[];
}

/**
 * Applies changes to a tree and gives the new tree's oid. Only directories on the way to a change are read and written;
 * directories that become empty vanish.
 * @param base tree or commit; undefined is the empty tree
 * @param changes undefined removes a path, if it is there
 * @throws INTERNAL when one change puts a file where another one needs a directory
 */
export async function editTree(
  read: ReadObjects, base: string | undefined, changes: ReadonlyMap<string, { mode: string; oid: string } | undefined>, writer: ObjectWriter, op: Op,
): Promise<string> {
  const root: EditNode = { changes: new Map(), directories: new Map(), base: base === undefined ? undefined : await treeOf(read, base, op), entries: [] };
  if (root.base !== undefined) await readTrees(read, [root.base], (_, entries) => { root.entries = entries; }, op);
  const below = new Map<string, string[]>();
  for (const [path, change] of changes) {
    const slash = path.indexOf('/');
    if (slash < 0) {
      root.changes.set(path, change);
      continue;
    }
    const name = path.slice(0, slash);
    const list = below.get(name);
    if (list === undefined) below.set(name, [path]);
    else list.push(path);
  }
  // A part of the top directories at a time: with 100,000 changes in a git-annex branch nearly every tree of it is on the way.
  const written = new Map<string, string | undefined>();
  for (const names of groups(below)) {
    checkAborted(op);
    const part: EditNode = { changes: new Map(), directories: new Map(), base: undefined, entries: root.entries };
    for (const name of names) for (const path of below.get(name) ?? []) insertEdit(part, path, changes.get(path));
    await readLevels(read, part, op);
    for (const [name, child] of part.directories) written.set(name, writeEdits(child, writer));
  }
  return writeNode(root, written, writer) ?? writer.tree([]);
}

const GROUP_PATHS = 4096;

function* groups(below: ReadonlyMap<string, readonly string[]>): Generator<string[]> {
  let names: string[] = [];
  let paths = 0;
  for (const [name, list] of below) {
    names.push(name);
    paths += list.length;
    if (paths < GROUP_PATHS) continue;
    yield names;
    names = [];
    paths = 0;
  }
  if (names.length > 0) yield names;
}

/** Reads the trees below a node whose own entries are known, a level at a time. */
async function readLevels(read: ReadObjects, top: EditNode, op: Op): Promise<void> {
  let level = childrenWithBase(top);
  while (level.length > 0) {
    const nodes = new Map<string, EditNode[]>();
    for (const node of level) {
      const list = nodes.get(node.base as string);
      if (list === undefined) nodes.set(node.base as string, [node]);
      else list.push(node);
    }
    const next: EditNode[] = [];
    await readTrees(read, nodes.keys(), (oid, entries) => {
      for (const node of nodes.get(oid) ?? []) {
        node.entries = entries;
        next.push(...childrenWithBase(node));
      }
    }, op);
    level = next;
  }
}

function childrenWithBase(node: EditNode): EditNode[] {
  const children: EditNode[] = [];
  if (node.directories.size === 0) return children;
  for (const entry of node.entries) {
    const child = entry.mode === DIRECTORY ? node.directories.get(entry.name) : undefined;
    if (child === undefined) continue;
    child.base = entry.oid;
    children.push(child);
  }
  return children;
}

function insertEdit(root: EditNode, path: string, change: { mode: string; oid: string } | undefined): void {
  let node = root;
  let start = 0;
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', start)) {
    const name = path.slice(start, slash);
    let child = node.directories.get(name);
    if (child === undefined) {
      child = { changes: new Map(), directories: new Map(), base: undefined, entries: [] };
      node.directories.set(name, child);
    }
    node = child;
    start = slash + 1;
  }
  node.changes.set(path.slice(start), change);
}

/** Writes bottom up; undefined when nothing is left of the directory. */
function writeEdits(node: EditNode, writer: ObjectWriter): string | undefined {
  const written = new Map<string, string | undefined>();
  for (const [name, child] of node.directories) written.set(name, writeEdits(child, writer));
  return writeNode(node, written, writer);
}

/** @param written oids of the changed directories below; undefined for one that is empty now */
function writeNode(node: EditNode, written: ReadonlyMap<string, string | undefined>, writer: ObjectWriter): string | undefined {
  const entries = new Map<string, TreeEntry>();
  for (const entry of node.entries) entries.set(entry.name, entry);
  for (const [name, change] of node.changes) {
    if (change === undefined) {
      if (entries.get(name)?.mode !== DIRECTORY) entries.delete(name);
    } else {
      entries.set(name, { mode: change.mode, name, oid: change.oid });
    }
  }
  for (const [name, oid] of written) {
    const change = node.changes.get(name);
    if (oid !== undefined) {
      if (change !== undefined) throw new DStoreError('INTERNAL', `${name} is to become both a file and a directory`);
      entries.set(name, { mode: DIRECTORY, name, oid });
    } else if (entries.get(name)?.mode === DIRECTORY) {
      entries.delete(name);
    }
  }
  if (entries.size === 0) return undefined;
  const list = [...entries.values()];
  if (node.base !== undefined) {
    const data = printTree(list);
    if (createHash('sha1').update(`tree ${data.length}\0`).update(data).digest('hex') === node.base) return node.base;
    return writer.raw('tree', data);
  }
  return writer.tree(list);
}
