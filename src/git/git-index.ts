/** The index of a work tree: which file has which blob, with the stat data that tells whether the file may have changed. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { toDStoreError } from '../core/errors.ts';
import type { LockFile } from '../io/lock-file.ts';
import { takeLockFile } from '../io/lock-file.ts';
import { comparePaths, isRepresentable, sortByPath } from './bytes.ts';
import type { CacheTree } from './cache-tree.ts';
import { invalidatePath } from './cache-tree.ts';
import type { GitConfig } from './config.ts';
import type { EntryStat, IndexEntry } from './index-format.ts';
import { parseIndex, printIndex } from './index-format.ts';

export type { EntryStat, IndexEntry } from './index-format.ts';
export type { CacheTree } from './cache-tree.ts';
export { writeTreeFromIndex } from './write-tree.ts';

const EMPTY_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

/** Settings that decide how stat data is compared (git-config(1): core.trustctime, core.checkStat, core.fileMode, core.symlinks). */
export interface StatRules { readonly trustCtime: boolean; readonly minimal: boolean; readonly fileMode: boolean; readonly symlinks: boolean }

/** The rules that a configuration asks for. @throws CONFIG_INVALID */
export function statRules(config: GitConfig): StatRules {
  return {
    trustCtime: config.getBoolean('core.trustctime') ?? true,
    minimal: config.get('core.checkstat')?.toLowerCase() === 'minimal',
    fileMode: config.getBoolean('core.filemode') ?? true,
    symlinks: config.getBoolean('core.symlinks') ?? true,
  };
}

const DEFAULT_RULES: StatRules = { trustCtime: true, minimal: false, fileMode: true, symlinks: true };

/** Entries by path with cheap look-up and change. Kept valid for git: sorted, no file that is also a directory, cache tree invalidated. */
export class GitIndex {
  /** Time of the index file when it was read; all 0 when there was none. Files as new as this may have changed unseen. */
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  /** Trees known for directories; undefined when none is. */
  tree: CacheTree | undefined;
  readonly #rules: StatRules;
  #sorted: IndexEntry[];
  #stale = false;
  #byPath: Map<string, IndexEntry> | undefined;
  #directories: Set<string> | undefined;
  readonly #fresh = new Set<string>();
  #changed = false;

  constructor(entries: readonly IndexEntry[] = [], options: { tree?: CacheTree | undefined; mtime?: { seconds: number; nanoseconds: number }; rules?: StatRules } = {}) {
    this.#sorted = entries as IndexEntry[];
    this.tree = options.tree;
    this.mtime = options.mtime ?? { seconds: 0, nanoseconds: 0 };
    this.#rules = options.rules ?? DEFAULT_RULES;
  }

  /** Sorted bytewise by path, then by stage. */
  get entries(): readonly IndexEntry[] {
    if (this.#stale && this.#byPath !== undefined) {
      const entries = sortByPath([...this.#byPath.values()], (entry) => entry.path);
      this.#sorted = entries.some((entry) => entry.stage !== 0)
        ? entries.sort((a, b) => comparePaths(a.path, b.path) || a.stage - b.stage) : entries;
      this.#stale = false;
    }
    return this.#sorted;
  }

  /** Oid of the tree of the whole index, when it is known without computing it. */
  treeOid(): string | undefined {
    return this.tree !== undefined && this.tree.count === this.entries.length ? this.tree.oid : undefined;
  }

  /** True when something was set or deleted since reading. */
  get changed(): boolean {
    return this.#changed;
  }

  /** The entry of a path that is not in conflict. */
  get(path: string): IndexEntry | undefined {
    return this.#map().get(path);
  }

  /** Adds or replaces; conflict stages of the path, files above it and files below it go. */
  set(entry: IndexEntry): void {
    const map = this.#map();
    const key = entry.stage === 0 ? entry.path : `${entry.path}\0${entry.stage}`;
    const old = map.get(key);
    if (entry.stage === 0) {
      for (const stage of [1, 2, 3]) this.#remove(`${entry.path}\0${stage}`);
      if (old === undefined) this.#makeRoom(entry.path);
    }
    map.set(key, entry);
    this.#fresh.add(key);
    this.#stale = true;
    this.#changed = true;
    const sameTree = old !== undefined && old.oid === entry.oid && old.mode === entry.mode && old.intentToAdd === entry.intentToAdd;
    if (this.tree !== undefined && !sameTree) invalidatePath(this.tree, entry.path);
  }

  /** Removes a path in all stages; false when it was not there. */
  delete(path: string): boolean {
    let found = this.#remove(path);
    for (const stage of [1, 2, 3]) found = this.#remove(`${path}\0${stage}`) || found;
    if (found && this.tree !== undefined) invalidatePath(this.tree, path);
    return found;
  }

  /**
   * Whether the file is certainly what the entry says, judged by its stat data alone, as git does. False when it differs, and
   * also when the file is as new as the index, so that a change right after the index was written could not be seen.
   */
  isClean(entry: IndexEntry, stat: EntryStat): boolean {
    if (entry.assumeValid || entry.skipWorktree) return true;
    if (entry.stage !== 0 || entry.intentToAdd || !this.#sameStat(entry, stat)) return false;
    if (entry.size === 0 && entry.oid !== EMPTY_BLOB && (entry.mode & 0o170000) !== 0o160000) return false;
    return !this.#isRacy(entry);
  }

  /** The bytes of the index file. `workTree` lets entries that may have changed unseen be told from those that have not. */
  serialize(workTree: string | undefined): Buffer {
    let entries = this.entries;
    if (workTree !== undefined && this.mtime.seconds !== 0) {
      // With a newer time of the index file git would no longer doubt these entries, so the doubt has to be settled or kept (size 0).
      entries = entries.map((entry) => this.#mayHideChange(entry) && !this.#provenSame(entry, workTree) ? { ...entry, size: 0 } : entry);
    }
    return printIndex(entries, this.tree);
  }

  #map(): Map<string, IndexEntry> {
    if (this.#byPath === undefined) {
      this.#byPath = new Map();
      for (const entry of this.#sorted) this.#byPath.set(entry.stage === 0 ? entry.path : `${entry.path}\0${entry.stage}`, entry);
    }
    return this.#byPath;
  }

  #remove(key: string): boolean {
    if (!this.#map().delete(key)) return false;
    this.#stale = true;
    this.#changed = true;
    return true;
  }

  #makeRoom(path: string): void {
    const map = this.#map();
    if (this.#directories === undefined) {
      this.#directories = new Set();
      for (const entry of map.values()) this.#addDirectories(entry.path);
    }
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      if (this.#directories.has(parent)) break;
      this.delete(parent);
    }
    if (this.#directories.has(path)) {
      // Directories are not taken out of the set with their last file, so this may find nothing.
      for (const entry of map.values()) if (entry.path.startsWith(`${path}/`)) this.delete(entry.path);
      this.#directories.delete(path);
      for (const directory of this.#directories) if (directory.startsWith(`${path}/`)) this.#directories.delete(directory);
    }
    this.#addDirectories(path);
  }

  #addDirectories(path: string): void {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const directory = path.slice(0, slash);
      if (this.#directories?.has(directory)) return;
      this.#directories?.add(directory);
    }
  }

  #sameStat(entry: IndexEntry, stat: EntryStat): boolean {
    const rules = this.#rules;
    const type = stat.mode & 0o170000;
    const entryType = entry.mode & 0o170000;
    if (entryType === 0o160000) return type === 0o040000;
    if (entryType === 0o120000 && !rules.symlinks ? type !== 0o100000 : entryType !== type) return false;
    if (entryType === 0o100000 && rules.fileMode && ((entry.mode ^ stat.mode) & 0o100) !== 0) return false;
    if (entry.size !== stat.size >>> 0 || entry.mtimeSeconds !== stat.mtimeSeconds >>> 0) return false;
    if (rules.minimal) return true;
    // Other writers of the index store whole seconds.
    if (entry.mtimeNanoseconds !== 0 && entry.mtimeNanoseconds !== stat.mtimeNanoseconds) return false;
    if (rules.trustCtime && (entry.ctimeSeconds !== stat.ctimeSeconds >>> 0
      || (entry.ctimeNanoseconds !== 0 && entry.ctimeNanoseconds !== stat.ctimeNanoseconds))) return false;
    return entry.uid === stat.uid >>> 0 && entry.gid === stat.gid >>> 0 && entry.ino === stat.ino >>> 0;
  }

  #isRacy(entry: IndexEntry): boolean {
    const { seconds, nanoseconds } = this.mtime;
    if (seconds === 0 || (entry.mode & 0o170000) === 0o160000) return false;
    if (entry.mtimeSeconds !== seconds) return entry.mtimeSeconds > seconds;
    return entry.mtimeNanoseconds === 0 || nanoseconds === 0 || entry.mtimeNanoseconds >= nanoseconds;
  }

  /** git itself compares whole seconds only. */
  #mayHideChange(entry: IndexEntry): boolean {
    return entry.mtimeSeconds >= this.mtime.seconds && entry.stage === 0 && (entry.mode & 0o170000) !== 0o160000 && entry.size !== 0
      && !entry.assumeValid && !entry.skipWorktree && !this.#fresh.has(entry.path);
  }

  #provenSame(entry: IndexEntry, workTree: string): boolean {
    if (!isRepresentable(entry.path)) return false;
    const file = join(workTree, entry.path);
    try {
      const stat = lstatSync(file, { bigint: true });
      if (!this.#sameStat(entry, entryStat(stat))) return false;
      if (!this.#isRacy(entry) && entry.mtimeNanoseconds !== 0 && entry.ctimeNanoseconds !== 0) return true;
      if (!stat.isSymbolicLink()) return false;
      const target = readlinkSync(file, 'buffer');
      return createHash('sha1').update(`blob ${target.length}\0`).update(target).digest('hex') === entry.oid;
    } catch {
      return false;
    }
  }
}

/** Stat data of Node as an index entry keeps it. */
export function entryStat(stat: BigIntStats): EntryStat {
  return {
    ctimeSeconds: Number(stat.ctimeNs / 1_000_000_000n), ctimeNanoseconds: Number(stat.ctimeNs % 1_000_000_000n),
    mtimeSeconds: Number(stat.mtimeNs / 1_000_000_000n), mtimeNanoseconds: Number(stat.mtimeNs % 1_000_000_000n),
    // Inode numbers may exceed 2^53; the index keeps the low half.
    dev: Number(stat.dev & 0xffffffffn), ino: Number(stat.ino & 0xffffffffn), mode: Number(stat.mode),
    uid: Number(stat.uid), gid: Number(stat.gid), size: Number(stat.size),
  };
}

/** An entry for a file that was just looked at. `mode` is git's mode of the file; `stat` undefined means unknown, so git will look itself. */
export function indexEntry(path: string, mode: number, oid: string, stat: EntryStat | undefined): IndexEntry {
  const numbers = stat ?? { ctimeSeconds: 0, ctimeNanoseconds: 0, mtimeSeconds: 0, mtimeNanoseconds: 0, dev: 0, ino: 0, uid: 0, gid: 0, size: 0 };
  return {
    path, oid, stage: 0,
    ctimeSeconds: numbers.ctimeSeconds >>> 0, ctimeNanoseconds: numbers.ctimeNanoseconds,
    mtimeSeconds: numbers.mtimeSeconds >>> 0, mtimeNanoseconds: numbers.mtimeNanoseconds,
    dev: numbers.dev >>> 0, ino: numbers.ino >>> 0, mode, uid: numbers.uid >>> 0, gid: numbers.gid >>> 0, size: numbers.size >>> 0,
    assumeValid: false, skipWorktree: false, intentToAdd: false,
  };
}

/** Reads an index file; a missing one is an empty index. @throws GIT_CORRUPT, GIT_UNSUPPORTED, PERMISSION, IO */
export function readIndexFile(path: string, rules: StatRules = DEFAULT_RULES): GitIndex {
  for (;;) {
    let data: Buffer;
    let stat: BigIntStats;
    try {
      stat = statSync(path, { bigint: true });
      data = readFileSync(path);
      // Replaced between the two calls: the time must belong to the content.
      const after = statSync(path, { bigint: true });
      if (after.ino !== stat.ino || after.mtimeNs !== stat.mtimeNs) continue;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new GitIndex([], { rules });
      throw toDStoreError(error, `cannot read ${path}`);
    }
    const { entries, tree } = parseIndex(data);
    const { mtimeSeconds, mtimeNanoseconds } = entryStat(stat);
    return new GitIndex(entries, { tree, mtime: { seconds: mtimeSeconds, nanoseconds: mtimeNanoseconds }, rules });
  }
}

/** An index that nobody else changes until commit or rollback. */
export interface LockedIndex { readonly index: GitIndex; commit(): void; rollback(): void }

/** Takes `PATH.lock`, then reads. A commit without changes writes nothing. @throws LOCKED */
export function lockIndexFile(
  path: string, workTree: string | undefined, rules: StatRules, options: { waitMilliseconds?: number; mode?: number } = {},
): LockedIndex {
  const lock: LockFile = takeLockFile(path, { waitMilliseconds: options.waitMilliseconds ?? 1000, ...(options.mode === undefined ? {} : { mode: options.mode }) });
  try {
    const index = readIndexFile(path, rules);
    const treeBefore = index.tree?.count ?? -1;
    return {
      index,
      commit() {
        if (!index.changed && (index.tree?.count ?? -1) === treeBefore) {
          lock.rollback();
          return;
        }
        try {
          lock.write(index.serialize(workTree));
          lock.commit();
        } catch (error) {
          lock.rollback();
          throw toDStoreError(error, `cannot write ${path}`);
        }
      },
      rollback: () => lock.rollback(),
    };
  } catch (error) {
    lock.rollback();
    throw error;
  }
}
