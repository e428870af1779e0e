/** Listing and comparing whole trees with the git program, which is faster than reading tree by tree. */
import type { Op } from '../core/op.ts';
import { decodePath } from './bytes.ts';
import type { TreeChange, TreeFile } from './objects.ts';
import { gitOutput } from './program.ts';
import { EMPTY_TREE } from './tree-format.ts';

function gitArgs(gitDir: string): string[] {
  return ['--no-replace-objects', '--literal-pathspecs', '--git-dir', gitDir];
}

/** Files below a tree or commit, or below `prefix` in it. */
export async function listTree(gitDir: string, treeish: string, op: Op, prefix: string): Promise<TreeFile[]> {
  const clean = prefix.split('/').filter((part) => part !== '').join('/');
  const paths = clean === '' ? [] : ['--', clean];
  const data = await gitOutput([...gitArgs(gitDir), 'ls-tree', '-r', '-z', '--full-tree', treeish, ...paths], { cwd: gitDir, op }, `cannot list ${treeish}`);
  const files: TreeFile[] = [];
  // MODE SP TYPE SP OID TAB PATH NUL
  for (let at = 0; at < data.length;) {
    const tab = data.indexOf(9, at);
    const end = data.indexOf(0, tab);
    files.push({ path: decodePath(data, tab + 1, end), mode: modeOf(data, at), oid: data.toString('latin1', tab - 40, tab) });
    at = end + 1;
  }
  return files;
}

/** Files that differ between two trees or commits. */
export async function diffTrees(gitDir: string, from: string | undefined, to: string | undefined, op: Op): Promise<TreeChange[]> {
  const data = await gitOutput(
    [...gitArgs(gitDir), 'diff-tree', '-r', '-z', '--raw', '--no-abbrev', '--no-renames', from ?? EMPTY_TREE, to ?? EMPTY_TREE],
    { cwd: gitDir, op }, 'cannot compare git trees',
  );
  const changes: TreeChange[] = [];
  // : MODE SP MODE SP OID SP OID SP STATUS NUL PATH NUL
  for (let at = 0; at < data.length;) {
    const zero = data.indexOf(0, at);
    const end = data.indexOf(0, zero + 1);
    const fromMode = modeOf(data, at + 1);
    const toMode = modeOf(data, at + 8);
    changes.push({
      path: decodePath(data, zero + 1, end),
      ...(fromMode === '000000' ? {} : { from: { mode: fromMode, oid: data.toString('latin1', at + 15, at + 55) } }),
      ...(toMode === '000000' ? {} : { to: { mode: toMode, oid: data.toString('latin1', at + 56, at + 96) } }),
    });
    at = end + 1;
  }
  return changes;
}

/** Old trees have 100664, which git takes for 100644. */
function modeOf(data: Buffer, at: number): string {
  const mode = data.toString('latin1', at, at + 6);
  return mode === '100664' ? '100644' : mode;
}
