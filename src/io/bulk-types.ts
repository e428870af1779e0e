/** What the bulk tasks take and give. Everything here crosses threads, so it is plain data. */
import type { HashName } from '../core/backend.ts';
import type { SharedMode } from './durable.ts';

/** Why one item failed. The other items are not concerned. */
export interface ItemError {
  /**
   * The system's code (`ENOENT`, `ENOSPC`, `EACCES`, …) or: `CHANGED` the file changed while it was worked on; `MISMATCH` the digest is
   * another; `SIZE` the size is another; `NOTFILE` it is no regular file.
   */
  readonly code: string;
  readonly message: string;
  /** Which file of an item with two the error is about. */
  readonly side?: 'source' | 'target';
}

/** The facts of lstat(2) that a git index entry needs. `dev` and `ino` keep their low 53 bits. */
export interface StatData {
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

export interface HashItem {
  readonly path: string;
  readonly hash: HashName;
  /** Bytes, if known: only helps to share out the work. */
  readonly size?: number;
}
export interface HashResult {
  readonly digest?: string;
  readonly size?: number;
  readonly stat?: StatData;
  /** Key that the file names when it is a pointer file and not content. */
  readonly pointer?: string;
  /** `CHANGED` when size, modification time or inode differ before and after. */
  readonly error?: ItemError;
}

export interface CopyItem {
  readonly source: string;
  /** Temporary file: created, and must not exist unless `resume`. Its directory must exist. */
  readonly target: string;
  /** Compute this digest of the bytes copied. */
  readonly hash?: HashName;
  /** Expected digest in lower-case hex; needs `hash`. `MISMATCH` leaves the target with the wrong bytes in place. */
  readonly digest?: string;
  /** Expected size in bytes. `SIZE` is found before anything is written. */
  readonly size?: number;
  /** Permissions of the target, less the umask; default 0644. */
  readonly mode?: number;
  /** The target may be executed when the source may: git-annex knows from the object which unlocked files are executable. */
  readonly keepExecutable?: boolean;
  /** Go on with what an earlier attempt left in the target. Without `hash` the copy starts again. */
  readonly resume?: boolean;
}
export interface CopyOptions {
  /** Share blocks with the source where the file system can; what is verified is read from the target. */
  readonly clone?: boolean;
}
export interface CopyResult {
  /** Bytes in the target. */
  readonly bytes: number;
  readonly digest?: string;
  readonly error?: ItemError;
}

export interface PlaceItem {
  /** Temporary file on the file system of the target. */
  readonly source: string;
  /** `…/xX/yY/F/F`; missing directories are created. */
  readonly target: string;
  /** Exact permissions of the file; without it they stay. */
  readonly fileMode?: number;
  /** Exact permissions of the directory F afterwards; without it they stay. */
  readonly directoryMode?: number;
  readonly parentShared?: SharedMode;
}
export interface PlaceResult {
  /** True: the target was there already; it was kept and the source removed. */
  readonly existed: boolean;
  readonly error?: ItemError;
}

export interface AnnexItem {
  /** File in the work tree. */
  readonly path: string;
  /** `…/annex/objects/xX/yY/F/F` */
  readonly objectPath: string;
  /** Text of the symbolic link that takes the place of the file; '' copies the content and leaves the file (unlocked). */
  readonly linkTarget: string;
  /** The file as it was hashed. */
  readonly expect: Pick<StatData, 'size' | 'mtimeSeconds' | 'mtimeNanoseconds' | 'ino'>;
}
export interface AnnexOptions {
  readonly shared?: SharedMode;
  /** Existing folder for links that have no name yet; left out, they lie beside the file. */
  readonly staging?: string;
}
export interface AnnexResult {
  /** lstat of what is at `path` now. */
  readonly stat?: StatData;
  /** The object was there already. */
  readonly existed: boolean;
  /** `CHANGED` when the file is not the one that was hashed; it is left as it is. */
  readonly error?: ItemError;
}

export interface RemoveItem {
  /** Object file `…/xX/yY/F/F`. */
  readonly path: string;
  /** The caller holds the exclusive lock of the object: its lock file `F.lck` goes with it. */
  readonly locked?: boolean;
}
export interface RemoveResult {
  /** False: it was not there. */
  readonly removed: boolean;
  readonly bytes: number;
  readonly error?: ItemError;
}

export interface StatItem {
  readonly paths: readonly string[];
}
export interface StatResult {
  /** Index of the first path where a file is; -1: proven that there is none at any. Meaningless with `error`. */
  readonly found: number;
  readonly size?: number;
  /** Somewhere could not be looked at, so nothing is known. */
  readonly error?: ItemError;
}

export interface ReadlinkItem {
  readonly path: string;
}
export interface ReadlinkResult {
  /** Missing when the path is no symbolic link. */
  readonly target?: string;
  readonly stat?: StatData;
  readonly error?: ItemError;
}

export interface BulkTasks {
  hash: { item: HashItem; result: HashResult; options: undefined };
  copy: { item: CopyItem; result: CopyResult; options: CopyOptions };
  place: { item: PlaceItem; result: PlaceResult; options: undefined };
  annex: { item: AnnexItem; result: AnnexResult; options: AnnexOptions };
  remove: { item: RemoveItem; result: RemoveResult; options: undefined };
  stat: { item: StatItem; result: StatResult; options: undefined };
  readlink: { item: ReadlinkItem; result: ReadlinkResult; options: undefined };
}

/** Thrown inside a task when the run was aborted; the item is not reported. */
export class TaskAborted extends Error {}

/** What a task has at hand in its thread. */
export interface TaskContext {
  aborted(): boolean;
  /** Bytes of content handled, for progress. */
  addBytes(bytes: number): void;
  /** Directories known to exist. */
  readonly madeDirectories: Set<string>;
  /** Directories to remove when empty, after the chunk: most would be tried once per object otherwise. */
  readonly pruneLater: Set<string>;
}

export function createTaskContext(aborted: () => boolean, addBytes: (bytes: number) => void): TaskContext {
  return { aborted, addBytes, madeDirectories: new Set(), pruneLater: new Set() };
}
