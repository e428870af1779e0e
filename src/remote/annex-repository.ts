/**
 * Content of a plain git-annex repository that is reachable by path: a colleague's clone, a bare repository on a disk.
 * Both hash layouts are read; new content goes where git-annex itself would put it.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { objectPathLower, objectPathMixed } from '../core/object-path.ts';
import type { DropProof } from '../core/drop-decision.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { AnnexLocks } from '../io/annex-locks.ts';
import type { BulkIo } from '../io/bulk.ts';
import type { SharedMode } from '../io/durable.ts';
import type { ContentLock } from '../io/annex-locks.ts';
import { checkObjects, fetchObjects, isReachable, removeObjects, storeObjects } from './object-tree.ts';
import type { WritableObjectTree } from './object-tree.ts';
import type { FetchAnswer, FetchRequest, HeldCopies, PresenceAnswer, Remote, RemoveAnswer, StoreAnswer, StoreRequest } from './remote.ts';

export interface AnnexRepositoryOptions {
  readonly name: string;
  readonly uuid: string;
  /** Its git directory (the bare repository, or `.git` of a work tree). */
  readonly gitDirectory: string;
  readonly bare: boolean;
  readonly shared: SharedMode;
  readonly bulk: BulkIo;
  readonly cost?: number;
  locks(): AnnexLocks;
}

/** Every lock is an open file. */
const LOCKED_AT_ONCE = 256;

export function openAnnexRepository(options: AnnexRepositoryOptions): Remote {
  return new AnnexRepository(options);
}

class AnnexRepository implements Remote {
  readonly name: string;
  readonly uuid: string;
  readonly type = 'git';
  readonly where: string;
  readonly cost: number;
  readonly readOnly = false;
  readonly #options: AnnexRepositoryOptions;
  readonly #objects: string;

  constructor(options: AnnexRepositoryOptions) {
    this.#options = options;
    this.name = options.name;
    this.uuid = options.uuid;
    this.where = options.gitDirectory;
    this.cost = options.cost ?? 100;
    this.#objects = join(options.gitDirectory, 'annex', 'objects');
  }

  async check(keys: readonly KeyText[], report: (answer: PresenceAnswer) => void, op: Op): Promise<void> {
    this.#requireReachable();
    await checkObjects(this.#tree(), keys, report, op);
  }

  async fetch(requests: readonly FetchRequest[], report: (answer: FetchAnswer) => void, op: Op, onBytes?: (total: number) => void): Promise<void> {
    this.#requireReachable();
    await fetchObjects(this.#tree(), requests, report, op, onBytes);
  }

  async store(requests: readonly StoreRequest[], report: (answer: StoreAnswer) => void, op: Op, onBytes?: (total: number) => void): Promise<void> {
    this.#requireReachable();
    await storeObjects(this.#tree(), requests, report, op, onBytes);
  }

  async remove(proofs: readonly DropProof[], report: (answer: RemoveAnswer) => void, op: Op): Promise<void> {
    this.#requireReachable();
    const keys = [...new Set(proofs.map(({ key }) => key))];
    for (let first = 0; first < keys.length; first += LOCKED_AT_ONCE) {
      checkAborted(op);
      await this.#removeSome(keys.slice(first, first + LOCKED_AT_ONCE), report, op);
    }
  }

  async #removeSome(keys: readonly KeyText[], report: (answer: RemoveAnswer) => void, op: Op): Promise<void> {
    const items: { key: KeyText; path: string }[] = [];
    const locks: ContentLock[] = [];
    try {
      for (const key of keys) {
        const paths = this.#paths(key);
        try {
          const path = paths.find((candidate) => isThere(candidate));
          const lock = path === undefined ? undefined : this.#options.locks().tryContent(path, 'exclusive');
          if (path !== undefined && lock === undefined) {
            report({ key, state: 'failed', bytes: 0, error: { code: 'DSTORE_E_LOCKED', message: `${key} is in use in ${this.name}`, hint: 'run the command again later' } });
            continue;
          }
          if (lock !== undefined) locks.push(lock);
        } catch (error) {
          // What cannot be looked at is not known to be absent.
          report({ key, state: 'failed', bytes: 0, error: toDStoreError(error, `cannot remove ${key} from ${this.name}`).toInfo() });
          continue;
        }
        for (const path of paths) items.push({ key, path });
      }
      await removeObjects(this.#tree(), items, report, op);
    } finally {
      for (const lock of locks) lock.release();
    }
  }

  hold(keys: readonly KeyText[]): HeldCopies {
    const locks: ContentLock[] = [];
    const held = new Set<KeyText>();
    for (const key of keys) {
      try {
        const path = this.#paths(key).find((candidate) => isThere(candidate));
        const lock = path === undefined ? undefined : this.#options.locks().tryContent(path, 'shared');
        if (lock === undefined) continue;
        locks.push(lock);
        held.add(key);
      } catch {
        // Where this user may not lock, on a read-only file system for example, the copy is not held: it counts as less then.
      }
    }
    return { keys: held, release: () => { for (const lock of locks) lock.release(); } };
  }

  #tree(): WritableObjectTree {
    const { bulk, shared, gitDirectory } = this.#options;
    return {
      bulk, shared, label: this.name, paths: (key) => this.#paths(key), requireReachable: () => this.#requireReachable(),
      staging: join(gitDirectory, 'annex', 'dstore', 'transfer'),
      // git-annex leaves the directories of a shared repository writable: the next one to remove the object may be another user.
      ...(shared === 'private' ? { directoryMode: 0o555 } : {}),
    };
  }

  #paths(key: KeyText): string[] {
    const [mixed, lower] = [`${this.#objects}/${objectPathMixed(key)}`, `${this.#objects}/${objectPathLower(key)}`];
    return this.#options.bare ? [lower, mixed] : [mixed, lower];
  }

  #requireReachable(): void {
    if (isReachable(join(this.#options.gitDirectory, 'config')) && (isReachable(this.#objects) || !isThere(this.#objects))) return;
    throw new DStoreError('REMOTE_UNAVAILABLE', `${this.name}: the repository ${this.#options.gitDirectory} cannot be reached`, {
      hint: 'check that the file system is mounted, then run the command again', retryable: true,
    });
  }
}

/** @throws the system's error when it cannot be found out */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw error;
  }
}
