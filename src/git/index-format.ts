/** The bytes of `.git/index` (gitformat-index(5)): versions 2, 3 and 4 are read, 2 or 3 are written. */
import { createHash } from 'node:crypto';
import { DStoreError } from '../core/errors.ts';
import { decodePath, pathLength, writePath } from './bytes.ts';
import type { CacheTree } from './cache-tree.ts';
import { parseCacheTree, printCacheTree } from './cache-tree.ts';

/** The numbers of lstat(2) that git keeps, each modulo 2^32 once it is in an index. */
export interface EntryStat {
  readonly ctimeSeconds: number;
  readonly ctimeNanoseconds: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
}

/** One file of the index. `mode` is git's: 0o100644, 0o100755, 0o120000 or 0o160000. Stat fields are 0 when unknown. */
export interface IndexEntry extends EntryStat {
  readonly path: string;
  readonly oid: string;
  /** 0, or 1 to 3 (base, ours, theirs) during a conflict. */
  readonly stage: number;
  readonly assumeValid: boolean;
  readonly skipWorktree: boolean;
  readonly intentToAdd: boolean;
}

export interface ParsedIndex { readonly entries: IndexEntry[]; readonly tree: CacheTree | undefined }

function corrupt(why: string): DStoreError {
  return new DStoreError('GIT_CORRUPT', `the git index is damaged: ${why}`, {
    hint: 'make a new one from the last commit: mv .git/index .git/index.bad; git reset',
  });
}

/** @throws GIT_CORRUPT, GIT_UNSUPPORTED (split and sparse index, required extensions) */
export function parseIndex(data: Buffer): ParsedIndex {
  if (data.length < 32 || data.toString('latin1', 0, 4) !== 'DIRC') throw corrupt('bad signature');
  const version = data.readUInt32BE(4);
  if (version < 2 || version > 4) throw new DStoreError('GIT_UNSUPPORTED', `git index version ${version} is not known`);
  const end = data.length - 20;
  const checksum = data.subarray(end);
  // index.skipHash leaves the checksum zero.
  if (checksum.some((byte) => byte !== 0) && !createHash('sha1').update(data.subarray(0, end)).digest().equals(checksum)) {
    throw corrupt('bad checksum');
  }
  const count = data.readUInt32BE(8);
  const entries = Array<IndexEntry>(count);
  let at = 12;
  let previous = Buffer.alloc(0);
  for (let index = 0; index < count; index += 1) {
    if (at + 62 > end) throw corrupt('it ends too early');
    const start = at;
    const flags = data.readUInt16BE(at + 60);
    at += 62;
    let extended = 0;
    if ((flags & 0x4000) !== 0 && version >= 3) {
      extended = data.readUInt16BE(at);
      at += 2;
    }
    let path: string;
    if (version === 4) {
      let byte = data[at++] ?? 0;
      let strip = byte & 0x7f;
      while ((byte & 0x80) !== 0) {
        byte = data[at++] ?? 0;
        strip = (strip + 1) * 128 + (byte & 0x7f);
      }
      const zero = data.indexOf(0, at);
      if (zero < 0 || zero > end || strip > previous.length) throw corrupt('bad path compression');
      previous = Buffer.concat([previous.subarray(0, previous.length - strip), data.subarray(at, zero)]);
      path = decodePath(previous, 0, previous.length);
      at = zero + 1;
    } else {
      let length = flags & 0xfff;
      if (length === 0xfff) length = data.indexOf(0, at) - at;
      if (length < 0 || at + length > end) throw corrupt('it ends too early');
      path = decodePath(data, at, at + length);
      at = start + ((at + length - start + 8) & ~7);
    }
    const mode = data.readUInt32BE(start + 24);
    if (mode === 0o40000) {
      throw new DStoreError('GIT_UNSUPPORTED', 'the git index has sparse directory entries', {
        hint: 'git sparse-checkout reapply --no-sparse-index',
      });
    }
    entries[index] = {
      path,
      oid: data.toString('hex', start + 40, start + 60),
      stage: (flags >> 12) & 3,
      ctimeSeconds: data.readUInt32BE(start), ctimeNanoseconds: data.readUInt32BE(start + 4),
      mtimeSeconds: data.readUInt32BE(start + 8), mtimeNanoseconds: data.readUInt32BE(start + 12),
      dev: data.readUInt32BE(start + 16), ino: data.readUInt32BE(start + 20),
      mode,
      uid: data.readUInt32BE(start + 28), gid: data.readUInt32BE(start + 32),
      size: data.readUInt32BE(start + 36),
      assumeValid: (flags & 0x8000) !== 0,
      skipWorktree: (extended & 0x4000) !== 0,
      intentToAdd: (extended & 0x2000) !== 0,
    };
  }
  return { entries, tree: parseExtensions(data, at, end) };
}

function parseExtensions(data: Buffer, start: number, end: number): CacheTree | undefined {
  let tree: CacheTree | undefined;
  for (let at = start; at < end;) {
    if (at + 8 > end) throw corrupt('bad extension');
    const name = data.toString('latin1', at, at + 4);
    const size = data.readUInt32BE(at + 4);
    if (at + 8 + size > end) throw corrupt('bad extension');
    if (name === 'TREE') tree = parseCacheTree(data.subarray(at + 8, at + 8 + size));
    else if (name === 'link') throw new DStoreError('GIT_UNSUPPORTED', 'the git index is split', {
      hint: 'git update-index --no-split-index',
    });
    else if (name === 'sdir') {
      throw new DStoreError('GIT_UNSUPPORTED', 'the git index has sparse directory entries', {
        hint: 'git sparse-checkout reapply --no-sparse-index',
      });
    } else if (!/^[A-Z]/.test(name)) {
      // Lower case means that a reader who does not know it must not go on.
      throw new DStoreError('GIT_UNSUPPORTED', `the git index has the unknown extension ${JSON.stringify(name)}`);
    }
    at += 8 + size;
  }
  return tree;
}

/** The bytes of an index. Entries must be sorted bytewise by path, then stage. */
export function printIndex(entries: readonly IndexEntry[], tree: CacheTree | undefined): Buffer {
  const extended = entries.some((entry) => entry.skipWorktree || entry.intentToAdd);
  const lengths = new Uint32Array(entries.length);
  let size = 12;
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index] as IndexEntry;
    const length = pathLength(entry.path);
    lengths[index] = length;
    size += (62 + (entry.skipWorktree || entry.intentToAdd ? 2 : 0) + length + 8) & ~7;
  }
  const treeData = tree === undefined ? undefined : printCacheTree(tree);
  const data = Buffer.alloc(size + (treeData === undefined ? 0 : 8 + treeData.length) + 20);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  data.write('DIRC', 0, 'latin1');
  view.setUint32(4, extended ? 3 : 2);
  view.setUint32(8, entries.length);
  let at = 12;
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index] as IndexEntry;
    const length = lengths[index] as number;
    view.setUint32(at, entry.ctimeSeconds); view.setUint32(at + 4, entry.ctimeNanoseconds);
    view.setUint32(at + 8, entry.mtimeSeconds); view.setUint32(at + 12, entry.mtimeNanoseconds);
    view.setUint32(at + 16, entry.dev); view.setUint32(at + 20, entry.ino);
    view.setUint32(at + 24, entry.mode);
    view.setUint32(at + 28, entry.uid); view.setUint32(at + 32, entry.gid);
    view.setUint32(at + 36, entry.size);
    data.write(entry.oid, at + 40, 20, 'hex');
    const more = entry.skipWorktree || entry.intentToAdd;
    view.setUint16(at + 60, (entry.assumeValid ? 0x8000 : 0) | (more ? 0x4000 : 0) | (entry.stage << 12) | Math.min(length, 0xfff));
    if (more) view.setUint16(at + 62, (entry.skipWorktree ? 0x4000 : 0) | (entry.intentToAdd ? 0x2000 : 0));
    writePath(data, entry.path, at + (more ? 64 : 62));
    at += ((more ? 64 : 62) + length + 8) & ~7;
  }
  if (treeData !== undefined) {
    data.write('TREE', at, 'latin1');
    view.setUint32(at + 4, treeData.length);
    treeData.copy(data, at + 8);
    at += 8 + treeData.length;
  }
  createHash('sha1').update(data.subarray(0, at)).digest().copy(data, at);
  return data;
}
