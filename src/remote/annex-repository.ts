/**
 * Content of a plain git-annex repository that is reachable by path: a colleague's clone, a bare repository on a disk.
 * Both hash layouts are read; new content goes where git-annex itself would put it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { objectPathLower, objectPathMixed } from '../core/object-path.ts';
import type { DropProof } from '../core/drop-decision.ts';
import type { Op } from '../core/op.ts';
import type { AnnexLocks } from '../io/annex-locks.ts';
import type { BulkIo } from '../io/bulk.ts';
import type { SharedMode } from '../io/durable.ts';
import type { HeldLock } from '../io/file-lock.ts';
import { itemFailure } from '../io/item-failure.ts';
import { checkObjects, fetchObjects, storeObjects } from './object-tree.ts';
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
    const free: { key: KeyText; paths: string[]; lock: HeldLock }[] = [];
    for (const { key } of proofs) {
      const paths = this.#paths(key);
      const path = paths.find((candidate) => existsSync(candidate));
      if (path === undefined) report({ key, state: 'absent', bytes: 0 });
      else {
        const lock = this.#options.locks().tryContent(path, 'exclusive');
        if (lock === undefined) report({ key, state: 'failed', bytes: 0, error: { code: 'DSTORE_E_LOCKED', message: `${key} is in use in ${this.name}`, hint: 'run the command again later' } });
        else free.push({ key, paths, lock });
      }
    }
    try {
      const items = free.flatMap(({ key, paths }) => paths.map((path) => ({ key, path })));
      const done = new Map<KeyText, RemoveAnswer>();
      await this.#options.bulk.run('remove', items.map(({ path }) => ({ path })), (result, index) => {
        const { key } = items[index]!;
        if (result.error !== undefined) done.set(key, { key, state: 'failed', bytes: 0, error: itemFailure(result.error, `cannot remove ${key} from ${this.name}`) });
        else if (result.removed && done.get(key)?.state !== 'failed') done.set(key, { key, state: 'removed', bytes: result.bytes });
      }, op);
      for (const { key } of free) report(done.get(key) ?? { key, state: 'absent', bytes: 0 });
    } finally {
      for (const { lock } of free) lock.release();
    }
  }

  hold(keys: readonly KeyText[]): HeldCopies {
    const locks: HeldLock[] = [];
    const held = new Set<KeyText>();
    for (const key of keys) {
      const path = this.#paths(key).find((candidate) => existsSync(candidate));
      const lock = path === undefined ? undefined : this.#options.locks().tryContent(path, 'shared');
      if (lock === undefined) continue;
      locks.push(lock);
      held.add(key);
    }
    return { keys: held, release: () => { for (const lock of locks) lock.release(); } };
  }

  #tree(): WritableObjectTree {
    const { bulk, shared, gitDirectory } = this.#options;
    return { bulk, shared, label: this.name, paths: (key) => this.#paths(key), staging: join(gitDirectory, 'annex', 'dstore', 'transfer'), directoryMode: 0o555 };
  }

  #paths(key: KeyText): string[] {
    const [mixed, lower] = [`${this.#objects}/${objectPathMixed(key)}`, `${this.#objects}/${objectPathLower(key)}`];
    return this.#options.bare ? [lower, mixed] : [mixed, lower];
  }

  #requireReachable(): void {
    if (existsSync(join(this.#options.gitDirectory, 'config'))) return;
    throw new DStoreError('REMOTE_UNAVAILABLE', `${this.name}: the repository ${this.#options.gitDirectory} cannot be reached`, {
      hint: 'check that the file system is mounted, then run the command again', retryable: true,
    });
  }
}
