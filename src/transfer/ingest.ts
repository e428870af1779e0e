/** Taking files of the work tree into the annex: hash, move (or copy, when they stay unlocked), and what the index is to say about them. */
import { join } from 'node:path';
import { hashKey, wormKey } from '../core/backend.ts';
import { contentCheck } from '../core/content-check.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { checkAborted } from '../core/op.ts';
import type { Op } from '../core/op.ts';
import { pointerText, symlinkTarget } from '../core/pointer.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { FilePolicy } from '../dataset/file-policy.ts';
import { objectPlacement } from '../dataset/local-objects.ts';
import { pointerOnDisk } from '../dataset/work-tree.ts';
import type { WorkTreeChange } from '../dataset/work-tree.ts';
import type { ObjectWriter } from '../git/objects.ts';
import type { ItemError, StatData } from '../io/bulk.ts';
import { itemFailure } from '../io/item-failure.ts';

/** What an index entry becomes. */
export interface Staged { readonly path: string; readonly mode: number; readonly oid: string; readonly stat: StatData }

export interface IngestTarget {
  readonly policy: FilePolicy;
  readonly writer: ObjectWriter;
  /** Files that keep their bytes in the work tree. */
  keepUnlocked(path: string): boolean;
  stage(entry: Staged): void;
  annexed(change: WorkTreeChange, key: KeyText, bytes: number): void;
  fail(path: string, error: ErrorInfo): void;
}

interface Taken { readonly change: WorkTreeChange; readonly key: KeyText; readonly stat: StatData }

/** Files in work at a time: bounds memory, and what an interruption leaves to do again. */
const BATCH_FILES = 8192;
const SYMLINK = 0o120000;

export class Ingest {
  readonly #dataset: Dataset;
  readonly #target: IngestTarget;
  readonly #op: Op;
  #files = 0;
  #bytes = 0;

  constructor(dataset: Dataset, target: IngestTarget, op: Op) {
    this.#dataset = dataset;
    this.#target = target;
    this.#op = op;
  }

  /** @param changes files (not links, not datasets) with their stat data */
  async run(changes: readonly WorkTreeChange[]): Promise<void> {
    if (changes.length === 0) return;
    this.#op.emit({ type: 'plan', action: 'save', files: changes.length, bytes: changes.reduce((sum, { stat }) => sum + (stat?.size ?? 0), 0) });
    for (let start = 0; start < changes.length; start += BATCH_FILES) {
      checkAborted(this.#op);
      const { locked, unlocked } = await this.#hash(changes.slice(start, start + BATCH_FILES));
      await this.#move(locked);
      await this.#copy(unlocked);
    }
  }

  async #hash(changes: readonly WorkTreeChange[]): Promise<{ locked: Taken[]; unlocked: Taken[] }> {
    const dataset = this.#dataset;
    const { policy } = this.#target;
    const locked: Taken[] = [];
    const unlocked: Taken[] = [];
    const take = (change: WorkTreeChange, key: KeyText, stat: StatData): void => {
      (this.#target.keepUnlocked(change.path) ? unlocked : locked).push({ change, key, stat });
    };
    const toHash: { change: WorkTreeChange; backend: ReturnType<FilePolicy['backend']>; hash: string }[] = [];
    for (const change of changes) {
      const stat = change.stat!;
      const backend = policy.backend(change.path);
      if (backend.hash !== undefined) {
        toHash.push({ change, backend, hash: backend.hash });
        continue;
      }
      const pointer = pointerOnDisk(join(dataset.top, change.path), stat.size);
      if (pointer !== undefined) this.#stagePointer(change.path, pointer, stat);
      else if (backend.name === 'WORM') take(change, wormKey(change.path, stat.size, stat.mtimeSeconds), stat);
      else this.#target.fail(change.path, { code: 'DSTORE_E_KEY_UNSUPPORTED', message: `the backend ${backend.name} is not for files` });
    }
    const base = this.#bytes;
    this.#op.emit({ type: 'phase', name: 'hashing' });
    const items = toHash.map(({ change, hash }) => ({ path: join(dataset.top, change.path), hash, size: change.stat!.size }));
    await dataset.bulk.run('hash', items, (result, position) => {
      const { change, backend } = toHash[position]!;
      this.#files++;
      if (result.error !== undefined) this.#fail(change.path, result.error);
      // An unlocked file without content here shows its pointer; that is a reference to the key, not content.
      else if (result.pointer !== undefined) this.#stagePointer(change.path, result.pointer, result.stat!);
      else take(change, hashKey(backend, result.digest!, result.size!, change.path, policy.extensions), result.stat!);
    }, this.#op, {
      onBytes: (bytes) => {
        this.#bytes = base + bytes;
        this.#op.emit({ type: 'progress', files: this.#files, bytes: this.#bytes });
      },
    });
    return { locked, unlocked };
  }

  async #move(taken: readonly Taken[]): Promise<void> {
    if (taken.length === 0) return;
    const dataset = this.#dataset;
    this.#op.emit({ type: 'phase', name: 'saving' });
    const items = taken.map(({ change, key, stat }) => ({
      path: join(dataset.top, change.path), objectPath: dataset.objects.path(key), linkTarget: symlinkTarget(change.path, key), expect: stat,
    }));
    dataset.scratch.willChange(taken.map(({ key }) => key));
    await dataset.bulk.run('annex', items, (result, position) => {
      const { change, key, stat } = taken[position]!;
      if (result.error !== undefined) return this.#fail(change.path, result.error);
      const oid = this.#target.writer.blob(items[position]!.linkTarget);
      dataset.keys.note(oid, true, key);
      this.#target.stage({ path: change.path, mode: SYMLINK, oid, stat: result.stat! });
      this.#target.annexed(change, key, stat.size);
    }, this.#op, { shared: { shared: dataset.shared, staging: dataset.scratch.folder() } });
  }

  /** Files that stay unlocked keep their bytes; the annex gets a copy of its own. */
  async #copy(taken: readonly Taken[]): Promise<void> {
    if (taken.length === 0) return;
    const dataset = this.#dataset;
    const copied: { taken: Taken; source: string }[] = [];
    const items = taken.map(({ change, key, stat }) => ({
      source: join(dataset.top, change.path), target: dataset.scratch.name(), mode: objectMode(stat), ...contentCheck(key),
    }));
    await dataset.bulk.run('copy', items, (result, position) => {
      if (result.error === undefined) copied.push({ taken: taken[position]!, source: items[position]!.target });
      else this.#fail(taken[position]!.change.path, result.error);
    }, this.#op);
    const place = copied.map(({ taken: { key, stat }, source }) => ({
      source, target: dataset.objects.path(key), ...objectPlacement(dataset.shared), fileMode: objectMode(stat),
    }));
    dataset.scratch.willChange(copied.map(({ taken: { key } }) => key));
    await dataset.bulk.run('place', place, (result, position) => {
      const { change, key, stat } = copied[position]!.taken;
      if (result.error !== undefined) return this.#fail(change.path, result.error);
      this.#stagePointer(change.path, key, stat);
      this.#target.annexed(change, key, stat.size);
    }, this.#op);
  }

  #stagePointer(path: string, key: KeyText, stat: StatData): void {
    const oid = this.#target.writer.blob(pointerText(key));
    this.#dataset.keys.note(oid, false, key);
    this.#target.stage({ path, mode: (stat.mode & 0o100) === 0 ? 0o100644 : 0o100755, oid, stat });
  }

  #fail(path: string, error: ItemError): void {
    this.#target.fail(path, error.code === 'CHANGED'
      ? { code: 'DSTORE_E_CONTENT_CHANGED', message: `${path} changed while it was saved`, hint: 'save it again when it is complete' }
      : itemFailure(error, `cannot save ${path}`));
  }
}

/** Objects are read-only; executable bits are kept. */
function objectMode(stat: StatData): number {
  return 0o444 | (stat.mode & 0o111);
}
