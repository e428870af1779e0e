/** The stored form of git trees: `mode SP name NUL oid` in git's order, where directories sort as if their name ended with a slash. */
import { DStoreError } from '../core/errors.ts';
import { comparePaths, decodePath, pathLength, writePath } from './bytes.ts';

/** `mode` as stored: `40000` for a directory. */
export interface TreeEntry { readonly mode: string; readonly name: string; readonly oid: string }

/** The empty tree; git knows it without having it. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

const HIGH = /[\ud800-\uffff]/;
const MODES = new Map(['40000', '100644', '100755', '120000', '160000'].map((mode) => [mode, mode]));

/** Entries of a tree in stored order. @throws GIT_CORRUPT */
export function parseTree(data: Buffer, oid = 'tree'): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(32, at);
    const zero = data.indexOf(0, space);
    if (space < 0 || zero < 0 || zero + 21 > data.length) {
      throw new DStoreError('GIT_CORRUPT', `git tree ${oid} is damaged`, { hint: 'see what is affected with: git fsck' });
    }
    const mode = data.toString('latin1', at, space);
    entries.push({ mode: MODES.get(mode) ?? canonicalMode(mode), name: decodePath(data, space + 1, zero), oid: data.toString('hex', zero + 1, zero + 21) });
    at = zero + 21;
  }
  return entries;
}

/** Old programs wrote 040000 and 100664. */
function canonicalMode(mode: string): string {
  const number = Number.parseInt(mode, 8);
  if ((number & 0o170000) === 0o040000) return '40000';
  if ((number & 0o170000) === 0o100000) return (number & 0o100) === 0 ? '100644' : '100755';
  return number.toString(8);
}

/** The stored form of a tree; entries in any order. @throws INTERNAL for names that git refuses */
export function printTree(entries: readonly TreeEntry[]): Buffer {
  const sorted = entries.map((entry) => ({ entry, key: entry.mode === '40000' ? `${entry.name}/` : entry.name }));
  let ordered = true;
  let high = false;
  let size = 0;
  for (let index = 0; index < sorted.length; index += 1) {
    const { entry, key } = sorted[index] as (typeof sorted)[number];
    size += entry.mode.length + pathLength(entry.name) + 22;
    high ||= HIGH.test(key);
    if (index > 0 && (sorted[index - 1] as { key: string }).key >= key) ordered = false;
    if (entry.name === '' || entry.name.includes('/') || entry.name === '.' || entry.name === '..' || entry.name.toLowerCase() === '.git') {
      throw new DStoreError('NAME_UNSUPPORTED', `${JSON.stringify(entry.name)} cannot be a name in a git tree`);
    }
  }
  if (high) sorted.sort((a, b) => comparePaths(a.key, b.key));
  else if (!ordered) sorted.sort((a, b) => (a.key < b.key ? -1 : 1));
  const data = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { entry } of sorted) {
    at += data.write(entry.mode, at, 'latin1');
    data[at++] = 32;
    at += writePath(data, entry.name, at);
    data[at++] = 0;
    at += data.write(entry.oid, at, 20, 'hex');
  }
  return data;
}
