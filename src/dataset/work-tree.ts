/** Compares the files on disk with the git index: what is new, changed, gone. */
import { lstatSync, readFileSync, readdirSync, readlinkSync, existsSync } from 'node:fs';
import type { BigIntStats, Dirent } from 'node:fs';
import { join } from 'node:path';
import { expectedDigest } from '../core/backend.ts';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { keySize, parseKey } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import { MAX_POINTER_BYTES, keyOfPointer, keyOfSymlink } from '../core/pointer.ts';
import type { GitIndex, IndexEntry } from '../git/git-index.ts';
import { hashObject } from '../git/objects.ts';
import { openRepository } from '../git/repository.ts';
import type { StatData } from '../io/bulk.ts';
import type { Dataset } from './dataset.ts';
import { createIgnoreRules } from './ignore-rules.ts';
import type { IgnoreRules } from './ignore-rules.ts';
import type { PathSelection } from './select-paths.ts';

export type ChangeKind = 'untracked' | 'modified' | 'deleted' | 'typechange';

export interface WorkTreeChange {
  readonly path: string;
  readonly kind: ChangeKind;
  /** What lies on disk now; undefined when deleted. `dataset`: a nested git repository. */
  readonly type: 'file' | 'symlink' | 'dataset' | undefined;
  readonly stat?: StatData;
  readonly entry?: IndexEntry;
}

export interface WorkTreeScan {
  readonly changes: WorkTreeChange[];
  /** Entries that are unchanged although their stat data in the index is stale: the index may be refreshed with these. */
  readonly refreshed: { readonly entry: IndexEntry; readonly stat: StatData }[];
}

const TYPE_MASK = 0o170000;
const SYMLINK = 0o120000;
const SUBMODULE = 0o160000;

/** Stat data as a git index entry keeps it. */
export function statData(stats: BigIntStats): StatData {
  return {
    ctimeSeconds: Number(stats.ctimeNs / 1_000_000_000n), ctimeNanoseconds: Number(stats.ctimeNs % 1_000_000_000n),
    mtimeSeconds: Number(stats.mtimeNs / 1_000_000_000n), mtimeNanoseconds: Number(stats.mtimeNs % 1_000_000_000n),
    dev: Number(stats.dev), ino: Number(stats.ino), mode: Number(stats.mode), uid: Number(stats.uid), gid: Number(stats.gid), size: Number(stats.size),
  };
}

export function lstatData(path: string): StatData | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : statData(stats);
}

/** True when an argument (relative to where the user stands) names something on disk. */
export function existsInWorkTree(dataset: { top: string; prefix: string }, argument: string): boolean {
  return lstatSync(join(dataset.top, dataset.prefix, argument), { throwIfNoEntry: false }) !== undefined;
}

export async function scanWorkTree(dataset: Dataset, index: GitIndex, selection: PathSelection, op: Op): Promise<WorkTreeScan> {
  const scan = new Scan(dataset, index, selection, op);
  return await scan.run();
}

class Scan {
  readonly #dataset: Dataset;
  readonly #index: GitIndex;
  readonly #selection: PathSelection;
  readonly #op: Op;
  readonly #ignore: IgnoreRules;
  readonly #trackMode: boolean;
  readonly #trackedDirectories = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #changes: WorkTreeChange[] = [];
  readonly #refreshed: { entry: IndexEntry; stat: StatData }[] = [];
  /** Files whose stat data differ from the index; their bytes decide. */
  readonly #suspects: { entry: IndexEntry; stat: StatData }[] = [];

  constructor(dataset: Dataset, index: GitIndex, selection: PathSelection, op: Op) {
    this.#dataset = dataset;
    this.#index = index;
    this.#selection = selection;
    this.#op = op;
    this.#trackMode = dataset.repo.config.getBoolean('core.filemode') ?? true;
    this.#ignore = createIgnoreRules(readIgnoreFiles(dataset));
    for (const { path } of index.entries) {
      for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
        const directory = path.slice(0, slash);
        if (this.#trackedDirectories.has(directory)) break;
        this.#trackedDirectories.add(directory);
      }
    }
  }

  async run(): Promise<WorkTreeScan> {
    this.#walk('');
    for (const entry of this.#index.entries) {
      if (entry.stage !== 0 || this.#seen.has(entry.path) || entry.skipWorktree || !this.#selection.matches(entry.path)) continue;
      if ((entry.mode & TYPE_MASK) === SUBMODULE) continue;
      this.#changes.push({ path: entry.path, kind: 'deleted', type: undefined, entry });
    }
    await this.#decideSuspects();
    this.#changes.sort((a, b) => (a.path < b.path ? -1 : 1));
    return { changes: this.#changes, refreshed: this.#refreshed };
  }

  #walk(directory: string): void {
    checkAborted(this.#op);
    const absolute = directory === '' ? this.#dataset.top : `${this.#dataset.top}/${directory}`;
    let children: Dirent[];
    try {
      children = readdirSync(absolute, { withFileTypes: true });
    } catch (error) {
      throw toDStoreError(error, `cannot read the folder ${directory}`);
    }
    if (children.some(({ name }) => name === '.gitignore')) this.#addIgnoreFile(directory, absolute);
    for (const child of children) {
      const path = directory === '' ? child.name : `${directory}/${child.name}`;
      if (child.name === '.git') continue;
      if (child.isDirectory()) this.#visitDirectory(path);
      else if (child.isFile() || child.isSymbolicLink()) this.#visitFile(path, child);
    }
  }

  #addIgnoreFile(directory: string, absolute: string): void {
    try {
      this.#ignore.add(directory, readFileSync(`${absolute}/.gitignore`, 'utf8'));
    } catch {
      // A dangling link (an annexed .gitignore without content) ignores nothing.
    }
  }

  #visitDirectory(path: string): void {
    const entry = this.#index.get(path);
    if (entry !== undefined && (entry.mode & TYPE_MASK) === SUBMODULE) {
      this.#seen.add(entry.path);
      if (this.#selection.matches(path)) this.#visitSubmodule(path, entry);
      return;
    }
    if (!this.#selection.matches(path) && !this.#selection.mayContain(path)) return;
    const tracked = this.#trackedDirectories.has(path);
    if (!tracked && this.#ignore.ignored(path, true)) return;
    if (!tracked && existsSync(`${this.#dataset.top}/${path}/.git`)) {
      if (this.#selection.matches(path)) this.#changes.push({ path, kind: 'untracked', type: 'dataset' });
      return;
    }
    this.#walk(path);
  }

  #visitSubmodule(path: string, entry: IndexEntry): void {
    if (!existsSync(`${this.#dataset.top}/${path}/.git`)) return;
    const nested = openRepository(`${this.#dataset.top}/${path}`);
    const head = nested.head().oid;
    void nested.close();
    if (head !== undefined && head !== entry.oid) this.#changes.push({ path, kind: 'modified', type: 'dataset', entry });
  }

  #visitFile(path: string, child: Dirent): void {
    const entry = this.#index.get(path);
    if (entry === undefined) {
      if (!this.#selection.matches(path)) return;
      if (child.name.includes('\uFFFD')) {
        throw new DStoreError('NAME_UNSUPPORTED', `${path}: the file name is not valid UTF-8`, { hint: 'rename the file' });
      }
      if (!this.#ignore.ignored(path, false)) {
        const stat = lstatData(`${this.#dataset.top}/${path}`);
        if (stat !== undefined) this.#changes.push({ path, kind: 'untracked', type: child.isSymbolicLink() ? 'symlink' : 'file', stat });
      }
      return;
    }
    this.#seen.add(entry.path);
    if (!this.#selection.matches(path) || entry.assumeValid || entry.skipWorktree) return;
    const stat = lstatData(`${this.#dataset.top}/${path}`);
    if (stat === undefined) {
      this.#changes.push({ path, kind: 'deleted', type: undefined, entry });
      return;
    }
    if (this.#index.isClean(entry, stat)) return;
    const symlink = child.isSymbolicLink();
    const type = symlink ? 'symlink' : 'file';
    if (entry.intentToAdd) this.#changes.push({ path, kind: 'untracked', type, stat });
    else if (symlink !== ((entry.mode & TYPE_MASK) === SYMLINK)) this.#changes.push({ path, kind: 'typechange', type, stat, entry });
    else if (symlink) {
      const target = readlinkSync(`${this.#dataset.top}/${path}`, { encoding: 'buffer' });
      if (hashObject('blob', target) === entry.oid) this.#refreshed.push({ entry, stat });
      else this.#changes.push({ path, kind: 'modified', type, stat, entry });
    } else this.#suspects.push({ entry, stat });
  }

  async #decideSuspects(): Promise<void> {
    if (this.#suspects.length === 0) return;
    await this.#dataset.keys.learn(this.#suspects.map(({ entry }) => ({ oid: entry.oid, symlink: false })), this.#op);
    const toHash: { entry: IndexEntry; stat: StatData; hex: string; hash: string }[] = [];
    for (const { entry, stat } of this.#suspects) {
      const key = this.#dataset.keys.get(entry.oid, false);
      const modified = (): void => { this.#changes.push({ path: entry.path, kind: 'modified', type: 'file', stat, entry }); };
      if (this.#trackMode && ((entry.mode & 0o111) !== 0) !== ((stat.mode & 0o100) !== 0)) modified();
      else if (key === undefined) {
        if (hashObject('blob', readFileSync(`${this.#dataset.top}/${entry.path}`)) === entry.oid) this.#refreshed.push({ entry, stat });
        else modified();
      } else if (pointerOnDisk(`${this.#dataset.top}/${entry.path}`, stat.size) === key) this.#refreshed.push({ entry, stat });
      else {
        const size = keySize(key);
        const digest = expectedDigest(parseKey(key));
        if ((size !== undefined && size !== stat.size) || digest === undefined) modified();
        else toHash.push({ entry, stat, hex: digest.hex, hash: digest.hash });
      }
    }
    if (toHash.length === 0) return;
    const items = toHash.map(({ entry, hash }) => ({ path: `${this.#dataset.top}/${entry.path}`, hash }));
    await this.#dataset.bulk.run('hash', items, (result, position) => {
      const { entry, stat, hex } = toHash[position]!;
      if (result.digest === hex) this.#refreshed.push({ entry, stat });
      else this.#changes.push({ path: entry.path, kind: 'modified', type: 'file', stat, entry });
    }, this.#op);
  }
}

/** The key that a pointer file or link on disk names; undefined when it holds other content. */
export function pointerOnDisk(path: string, size: number): KeyText | undefined {
  if (size > MAX_POINTER_BYTES || size < 20) return undefined;
  return keyOfPointer(readFileSync(path));
}

export function linkOnDisk(path: string): KeyText | undefined {
  try {
    return keyOfSymlink(readlinkSync(path));
  } catch {
    return undefined;
  }
}

function readIgnoreFiles(dataset: Dataset): { exclude?: string; excludesFile?: string } {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  };
  const exclude = read(join(dataset.repo.commonDir, 'info', 'exclude'));
  const home = process.env['HOME'] ?? '';
  const configured = dataset.repo.config.get('core.excludesfile')?.replace(/^~\//, `${home}/`);
  const excludesFile = read(configured ?? join(process.env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'git', 'ignore'));
  return { ...(exclude === undefined ? {} : { exclude }), ...(excludesFile === undefined ? {} : { excludesFile }) };
}
