/** One git repository, opened: everything that the rest of the program does with git goes through here. */
import { join } from 'node:path';
import type { Op } from '../core/op.ts';
import type { SharedMode } from '../io/durable.ts';
import { ownCheckout } from './checkout-own.ts';
import { programCheckout } from './checkout-program.ts';
import type { GitConfig } from './config.ts';
import { loadConfig } from './config.ts';
import { clone } from './clone.ts';
import type { CloneOptions } from './clone.ts';
import { localRepository } from './clone-own.ts';
import { findRepository, repositoryAt } from './discovery.ts';
import type { RepositoryPlace } from './discovery.ts';
import type { GitIndex, LockedIndex } from './git-index.ts';
import { lockIndexFile, readIndexFile, statRules } from './git-index.ts';
import type { History } from './history.ts';
import { ownHistory } from './history-own.ts';
import { programHistory } from './history-program.ts';
import type { InitOptions } from './init.ts';
import { createRepository } from './init.ts';
import type { Merger } from './merge.ts';
import { ownMerger } from './merge-own.ts';
import { programMerger } from './merge-program.ts';
import type { ObjectReader } from './object-reader.ts';
import { ownReader } from './object-reader-own.ts';
import { programReader } from './object-reader-program.ts';
import { ObjectStore } from './object-store.ts';
import type { CommitInfo, GitObject, ObjectWriter, TreeChange, TreeFile } from './objects.ts';
import { createObjectWriter } from './objects.ts';
import { gitProgram } from './program.ts';
import type { Head, RefChange } from './refs.ts';
import { RefStore } from './refs.ts';
import type { MergeResult } from './merge.ts';
import type { FetchOptions, PushResult, Transport } from './transport.ts';
import { ownTransport } from './transport-own.ts';
import { programTransport } from './transport-program.ts';
import * as trees from './tree.ts';
import * as programTrees from './tree-program.ts';

export type { CloneOptions } from './clone.ts';
export type { InitOptions } from './init.ts';
export type { LockedIndex } from './git-index.ts';
export type { MergeResult } from './merge.ts';
export type { FetchOptions, PushResult } from './transport.ts';
export type { Head, RefChange } from './refs.ts';

export interface GitRepository {
  /** Top of the work tree; undefined for a bare repository. */
  readonly worktree: string | undefined;
  readonly gitDir: string;
  /** The same as `gitDir` except in a linked work tree. */
  readonly commonDir: string;
  readonly bare: boolean;
  /** Whether the git program serves this repository; otherwise it is served in this process. */
  readonly program: boolean;
  /** core.sharedRepository. */
  readonly shared: SharedMode;
  readonly config: GitConfig;
  reloadConfig(): void;

  /**
   * Reads objects; `each` is called once per oid in any order, with undefined for one that certainly is not there.
   * @throws GIT_CORRUPT, PERMISSION, IO
   */
  readObjects(oids: readonly string[], each: (oid: string, object: GitObject | undefined) => void, op: Op): Promise<void>;
  /** Which of the objects exist. */
  hasObjects(oids: readonly string[]): Set<string>;
  writer(): ObjectWriter;

  /** Files below a tree or commit, or below a directory in it, sorted bytewise by path from the top. */
  listTree(treeish: string, op: Op, prefix?: string): Promise<TreeFile[]>;
  /** Files that differ between two trees or commits; an undefined side is empty. Sorted bytewise. */
  diffTrees(from: string | undefined, to: string | undefined, op: Op): Promise<TreeChange[]>;
  /** Blobs at paths of a tree or commit; what is not there is not in the result. */
  readPaths(treeish: string | undefined, paths: readonly string[], op: Op): Promise<Map<string, { oid: string; data: Buffer }>>;
  /** Oid of the tree that `base` becomes by the changes; undefined removes. The writer has to be flushed. */
  editTree(base: string | undefined, changes: ReadonlyMap<string, { mode: string; oid: string } | undefined>, writer: ObjectWriter, op: Op): Promise<string>;

  readRef(name: string): string | undefined;
  listRefs(prefix: string): Map<string, string>;
  head(): Head;
  /** All or none. @throws CONFLICT when a reference is not where `from` says, LOCKED */
  updateRefs(changes: readonly RefChange[], reason: string): void;
  setHead(ref: string): void;

  readIndex(): GitIndex;
  /** Takes index.lock, then reads. @throws LOCKED */
  lockIndex(options?: { waitMilliseconds?: number }): LockedIndex;

  /** Oid of what a revision means (gitrevisions(7)); undefined when it means nothing. */
  resolve(revision: string, op: Op): Promise<string | undefined>;
  isAncestor(ancestor: string, descendant: string, op: Op): Promise<boolean>;
  mergeBase(a: string, b: string, op: Op): Promise<string | undefined>;
  /** Commits that `from` reaches, newest first; with `paths` only those that change them. */
  log(from: string, options: { readonly count?: number; readonly paths?: readonly string[] }, op: Op): AsyncIterable<CommitInfo>;

  /** @throws REMOTE_UNAVAILABLE, PERMISSION, GIT, TOOL_MISSING */
  fetch(remote: string, refspecs: readonly string[], op: Op, options?: FetchOptions): Promise<void>;
  /** One result per reference; throws only when the remote could not be asked. */
  push(remote: string, refspecs: readonly string[], op: Op): Promise<PushResult[]>;
  /** HEAD and all references of a remote or URL. */
  listRemoteRefs(remoteOrUrl: string, op: Op): Promise<Map<string, string>>;
  /** Merges into the checked-out branch: HEAD, index and work tree. A conflict leaves all of them as they were. @throws MODIFIED */
  merge(commit: string, message: string, op: Op): Promise<MergeResult>;
  /** Detaches HEAD at a commit and brings index and work tree there; unsaved changes are kept or refused. @throws MODIFIED */
  checkoutCommit(commit: string, op: Op): Promise<void>;
  /** Ends helper processes. The repository can still be used; they start again. */
  close(): Promise<void>;
}

/** Opens the repository that a directory belongs to. @throws NOT_A_DATASET, GIT_UNSUPPORTED, CONFIG_INVALID */
export function openRepository(start: string): GitRepository {
  return new OpenRepository(findRepository(start));
}

/** Makes a repository and opens it. @throws ALREADY_EXISTS, PERMISSION, IO */
export function initRepository(path: string, options: InitOptions): GitRepository {
  createRepository(path, options);
  return new OpenRepository(repositoryAt(path) ?? findRepository(path));
}

/** `core.sharedRepository` as this program understands it. */
export function sharedMode(config: GitConfig): SharedMode {
  const value = (config.get('core.sharedrepository') ?? 'umask').toLowerCase();
  if (value === 'group' || value === '1' || value === 'true') return 'group';
  if (value === 'all' || value === 'world' || value === 'everybody' || value === '2') return 'all';
  if (!/^0[0-7]{3}$/.test(value)) return 'private';
  const mode = Number.parseInt(value, 8);
  return (mode & 0o004) !== 0 ? 'all' : (mode & 0o060) !== 0 ? 'group' : 'private';
}

/** What the parts that work without the git program need besides. */
export interface OwnRepository extends GitRepository {
  detachHead(oid: string, reason: string): void;
  setSymbolic(name: string, target: string): void;
  writePackedRefs(refs: ReadonlyMap<string, string>): void;
}

/** Clones into a directory that does not exist or is empty; see clone.ts. */
export function cloneRepository(url: string, path: string, options: CloneOptions): Promise<GitRepository> {
  return clone(url, path, options, (place) => new OpenRepository(place));
}

class OpenRepository implements OwnRepository {
  readonly worktree: string | undefined;
  readonly gitDir: string;
  readonly commonDir: string;
  readonly bare: boolean;
  readonly program: boolean;
  readonly readObjects: GitRepository['readObjects'];
  readonly fetch: GitRepository['fetch'];
  readonly push: GitRepository['push'];
  readonly listRemoteRefs: GitRepository['listRemoteRefs'];
  readonly merge: GitRepository['merge'];
  readonly checkoutCommit: GitRepository['checkoutCommit'];
  #config: GitConfig;
  readonly #store: ObjectStore;
  readonly #reader: ObjectReader;
  readonly #refs: RefStore;
  readonly #history: History;

  constructor(place: RepositoryPlace) {
    this.worktree = place.worktree;
    this.gitDir = place.gitDir;
    this.commonDir = place.commonDir;
    this.bare = place.bare;
    this.#config = loadConfig(this.gitDir, this.commonDir);
    this.program = gitProgram() !== undefined;
    this.#store = new ObjectStore(join(this.commonDir, 'objects'));
    this.#reader = this.program ? programReader(this.gitDir, this.#store) : ownReader(this.#store);
    this.readObjects = (oids, each, op) => this.#reader.read(oids, each, op);
    this.#refs = new RefStore({
      gitDir: this.gitDir, commonDir: this.commonDir, bare: this.bare, shared: this.shared, config: () => this.#config,
    });
    this.#history = this.program ? programHistory(this) : ownHistory(this, this.#store);
    const transport: Transport = this.program ? programTransport(this) : ownTransport(this, (path) => new OpenRepository(localRepository(path)));
    this.fetch = (remote, refspecs, op, options) => transport.fetch(remote, refspecs, op, options);
    this.push = (remote, refspecs, op) => transport.push(remote, refspecs, op);
    this.listRemoteRefs = (remote, op) => transport.listRemoteRefs(remote, op);
    const merger: Merger = this.program ? programMerger(this) : ownMerger(this);
    this.merge = (commit, message, op) => merger(commit, message, op);
    this.checkoutCommit = this.program ? programCheckout(this) : ownCheckout(this);
  }

  get config(): GitConfig {
    return this.#config;
  }

  get shared(): SharedMode {
    return sharedMode(this.#config);
  }

  reloadConfig(): void {
    this.#config = loadConfig(this.gitDir, this.commonDir);
  }

  hasObjects(oids: readonly string[]): Set<string> {
    return this.#store.present(oids);
  }

  writer(): ObjectWriter {
    return createObjectWriter(join(this.commonDir, 'objects'), this.shared);
  }

  listTree(treeish: string, op: Op, prefix = ''): Promise<TreeFile[]> {
    return this.program ? programTrees.listTree(this.gitDir, treeish, op, prefix) : trees.listTree(this.readObjects, treeish, op, prefix);
  }

  diffTrees(from: string | undefined, to: string | undefined, op: Op): Promise<TreeChange[]> {
    return this.program ? programTrees.diffTrees(this.gitDir, from, to, op) : trees.diffTrees(this.readObjects, from, to, op);
  }

  readPaths(treeish: string | undefined, paths: readonly string[], op: Op): Promise<Map<string, { oid: string; data: Buffer }>> {
    return trees.readPaths(this.readObjects, treeish, paths, op);
  }

  editTree(base: string | undefined, changes: ReadonlyMap<string, { mode: string; oid: string } | undefined>, writer: ObjectWriter, op: Op): Promise<string> {
    return trees.editTree(this.readObjects, base, changes, writer, op);
  }

  readRef(name: string): string | undefined {
    return this.#refs.read(name);
  }

  listRefs(prefix: string): Map<string, string> {
    return this.#refs.list(prefix);
  }

  head(): Head {
    return this.#refs.head();
  }

  updateRefs(changes: readonly RefChange[], reason: string): void {
    this.#refs.update(changes, reason);
  }

  setHead(ref: string): void {
    this.#refs.setHead(ref);
  }

  detachHead(oid: string, reason: string): void {
    this.#refs.detachHead(oid, reason);
  }

  setSymbolic(name: string, target: string): void {
    this.#refs.setSymbolic(name, target);
  }

  writePackedRefs(refs: ReadonlyMap<string, string>): void {
    this.#refs.writePacked(refs);
  }

  readIndex(): GitIndex {
    return readIndexFile(join(this.gitDir, 'index'), statRules(this.#config));
  }

  lockIndex(options: { waitMilliseconds?: number } = {}): LockedIndex {
    const mode = this.shared === 'private' ? {} : { mode: this.shared === 'group' ? 0o660 : 0o664 };
    return lockIndexFile(join(this.gitDir, 'index'), this.worktree, statRules(this.#config), { ...options, ...mode });
  }

  resolve(revision: string, op: Op): Promise<string | undefined> {
    return this.#history.resolve(revision, op);
  }

  isAncestor(ancestor: string, descendant: string, op: Op): Promise<boolean> {
    return this.#history.isAncestor(ancestor, descendant, op);
  }

  mergeBase(a: string, b: string, op: Op): Promise<string | undefined> {
    return this.#history.mergeBase(a, b, op);
  }

  log(from: string, options: { readonly count?: number; readonly paths?: readonly string[] }, op: Op): AsyncIterable<CommitInfo> {
    return this.#history.log(from, options, op);
  }

  async close(): Promise<void> {
    await this.#reader.close();
    this.#store.close();
  }
}
