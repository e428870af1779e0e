/**
 * Which git blob stands for which annexed file. A blob never changes, so what was learned once holds for ever: the cache in
 * `annex/dstore/keys` (lines `OID KEY`, `OID -` for content that git keeps itself) can be deleted at any time and is filled again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyText } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import { keyOfPointer, keyOfSymlink } from '../core/pointer.ts';
import type { GitRepository } from '../git/repository.ts';
import { makeDirectory, writeCacheFile } from '../io/durable.ts';

export interface BlobReference {
  readonly oid: string;
  /** True for mode 120000: the blob is a link target, not file content. */
  readonly symlink: boolean;
}

export class KeyCache {
  readonly #repo: GitRepository;
  readonly #directory: string;
  #known: Map<string, KeyText | undefined> | undefined;
  #changed = false;

  constructor(repo: GitRepository, directory: string) {
    this.#repo = repo;
    this.#directory = directory;
  }

  /** Learns the keys of all these blobs with one read of the unknown ones. */
  async learn(blobs: Iterable<BlobReference>, op: Op): Promise<void> {
    const known = this.#load();
    const unknown = new Map<string, boolean>();
    for (const { oid, symlink } of blobs) if (!known.has(cacheName(oid, symlink))) unknown.set(oid, symlink);
    if (unknown.size === 0) return;
    await this.#repo.readObjects([...unknown.keys()], (oid, object) => {
      const symlink = unknown.get(oid) ?? false;
      if (object === undefined) return;
      known.set(cacheName(oid, symlink), symlink ? keyOfSymlink(object.data.toString('utf8')) : keyOfPointer(object.data));
      this.#changed = true;
    }, op);
  }

  /** The key, or undefined when the blob is ordinary content. Ask {@link learn} first. */
  get(oid: string, symlink: boolean): KeyText | undefined {
    return this.#load().get(cacheName(oid, symlink));
  }

  /** Notes what the caller has just written itself. */
  note(oid: string, symlink: boolean, key: KeyText | undefined): void {
    this.#load().set(cacheName(oid, symlink), key);
    this.#changed = true;
  }

  /** Writes the cache when it has grown. A clone that cannot be written works without. */
  save(): void {
    if (!this.#changed || this.#known === undefined) return;
    const lines: string[] = [];
    for (const [name, key] of this.#known) lines.push(`${name} ${key ?? '-'}`);
    try {
      makeDirectory(this.#directory);
      writeCacheFile(join(this.#directory, 'keys'), lines.join('\n') + '\n');
      this.#changed = false;
    } catch {
      this.#changed = false;
    }
  }

  #load(): Map<string, KeyText | undefined> {
    if (this.#known !== undefined) return this.#known;
    const known = new Map<string, KeyText | undefined>();
    this.#known = known;
    let text: string;
    try {
      text = readFileSync(join(this.#directory, 'keys'), 'utf8');
    } catch {
      return known;
    }
    // Written without sync: what a power failure tore is not believed.
    if (text.includes('\0')) return known;
    for (let start = 0; start < text.length;) {
      const end = text.indexOf('\n', start);
      if (end === -1) break;
      const space = text.indexOf(' ', start);
      if (space > start && space < end) {
        const key = text.slice(space + 1, end);
        known.set(text.slice(start, space), key === '-' ? undefined : key);
      }
      start = end + 1;
    }
    return known;
  }
}

/** The same bytes mean one thing as a link target and another as file content. */
function cacheName(oid: string, symlink: boolean): string {
  return symlink ? `${oid}l` : oid;
}
