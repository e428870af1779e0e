/**
 * Content of one dataset in a RIA store that is reachable as a directory: DataLad's ORA special remote over the file system.
 * Lookup order and hash directories: store-layout/SPEC.md.
 */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError } from '../core/errors.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { storeObjectPaths } from '../core/object-path.ts';
import type { DropProof } from '../core/drop-decision.ts';
import type { Op } from '../core/op.ts';
import type { BulkIo } from '../io/bulk.ts';
import type { SharedMode } from '../io/durable.ts';
import { checkObjects, fetchObjects, isReachable, removeObjects, storeObjects } from './object-tree.ts';
import type { WritableObjectTree } from './object-tree.ts';
import type { FetchAnswer, FetchRequest, PresenceAnswer, Remote, RemoveAnswer, StoreAnswer, StoreRequest } from './remote.ts';

export interface RiaDirectoryOptions {
  readonly name: string;
  readonly uuid: string;
  /** UUID of the clone that works here; names its staging folder, as ORA does. */
  readonly clientUuid: string;
  /** The dataset directory. */
  readonly directory: string;
  /** Its `ria-layout-version`; other than 1 and 2 makes the remote read-only, with layout 2 for reading, as ORA does. */
  readonly layoutVersion: string;
  readonly shared: SharedMode;
  readonly bulk: BulkIo;
  readonly cost?: number;
}

export function openRiaDirectory(options: RiaDirectoryOptions): Remote {
  return new RiaDirectory(options);
}

class RiaDirectory implements Remote {
  readonly name: string;
  readonly uuid: string;
  readonly type = 'ora';
  readonly where: string;
  readonly cost: number;
  readonly readOnly: boolean;
  readonly #objects: string;
  readonly #layout: '1' | '2';
  readonly #options: RiaDirectoryOptions;

  constructor(options: RiaDirectoryOptions) {
    this.#options = options;
    this.name = options.name;
    this.uuid = options.uuid;
    this.where = options.directory;
    this.cost = options.cost ?? 100;
    this.readOnly = options.layoutVersion !== '1' && options.layoutVersion !== '2';
    this.#layout = options.layoutVersion === '1' ? '1' : '2';
    this.#objects = join(options.directory, 'annex', 'objects');
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
    this.requireWritable();
    await storeObjects(this.#tree(), requests, report, op, onBytes);
  }

  async remove(proofs: readonly DropProof[], report: (answer: RemoveAnswer) => void, op: Op): Promise<void> {
    this.#requireReachable();
    this.requireWritable();
    const archived = this.#archiveDoubt();
    if (archived !== undefined) {
      // A key in an archive stays readable, so saying "removed" would be false; nothing is touched, since nobody here can tell which are.
      for (const { key } of proofs) report({ key, state: 'failed', bytes: 0, error: archived });
      return;
    }
    const items = proofs.flatMap(({ key }) => this.#paths(key).map((path) => ({ key, path })));
    await removeObjects(this.#tree(), items, report, op);
  }

  #tree(): WritableObjectTree {
    const { bulk, shared, directory } = this.#options;
    return {
      bulk, shared, label: this.name, paths: (key) => this.#paths(key), doubt: this.#archiveDoubt(), requireReachable: () => this.#requireReachable(),
      staging: join(directory, `ora-remote-${this.#options.clientUuid}`, 'transfer'),
    };
  }

  #paths(key: KeyText): string[] {
    return storeObjectPaths(key, this.#layout).map((path) => `${this.#objects}/${path}`);
  }

  /** The store being away must not look like every key being absent. */
  #requireReachable(): void {
    const { directory } = this.#options;
    if (isReachable(join(directory, 'ria-layout-version')) && (isReachable(this.#objects) || isUnmade(this.#objects))) return;
    throw new DStoreError('REMOTE_UNAVAILABLE', `${this.name}: the store directory ${directory} cannot be reached`, {
      hint: 'check that the file system is mounted, then run the command again', retryable: true,
    });
  }

  requireWritable(): void {
    if (!this.readOnly) return;
    throw new DStoreError('STORE_VERSION', `${this.name}: layout version ${this.#options.layoutVersion} of ${this.#options.directory} is not one this program writes`, {
      hint: 'use a newer dstore for this store',
    });
  }

  /** What is not in the object tree may still be in the archive, which only an archive reader can tell. */
  #archiveDoubt(): ErrorInfo | undefined {
    if (!existsSync(join(this.#options.directory, 'archives', 'archive.7z'))) return undefined;
    return {
      code: 'DSTORE_E_UNSUPPORTED',
      message: `${this.name} keeps content in archives/archive.7z, which this version of dstore cannot read`,
      hint: 'get the file with git-annex and DataLad: datalad get PATH',
    };
  }
}

/** An object tree that was never made is empty. A link whose target is away, on a file system that is not mounted, is not. */
function isUnmade(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
