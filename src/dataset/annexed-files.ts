/** The annexed files of a clone: paths of the git index whose blob names a key. */
import { DStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { keySize } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import { annexGlob } from '../core/glob.ts';
import type { Selection } from '../core/inputs.ts';
import type { GitIndex, IndexEntry } from '../git/git-index.ts';
import { existsInWorkTree } from './work-tree.ts';
import type { Dataset } from './dataset.ts';
import { pathArguments, selectionOf } from './path-arguments.ts';
import { placeResolver } from './places.ts';
import { readLocations } from './locations.ts';

export interface AnnexedFile {
  /** From the top of the dataset. */
  readonly path: string;
  readonly key: KeyText;
  /** A symlink in git; otherwise a pointer file with content in its place. */
  readonly locked: boolean;
  readonly entry: IndexEntry;
}

export interface SelectedFiles {
  readonly index: GitIndex;
  /** Sorted by path. */
  readonly files: AnnexedFile[];
  /** Nested datasets (paths of submodules) that the selection touches. */
  readonly nested: string[];
  /** Files that git keeps itself, as far as the user named them one by one. */
  readonly inGit: string[];
}

const SYMLINK = 0o120000;
const SUBMODULE = 0o160000;
const TYPE_MASK = 0o170000;

/** All annexed files of an index. */
export async function annexedFiles(dataset: Dataset, entries: readonly IndexEntry[], op: Op): Promise<AnnexedFile[]> {
  await dataset.keys.learn(
    (function* () {
      for (const entry of entries) {
        if ((entry.mode & TYPE_MASK) !== SUBMODULE && !entry.intentToAdd) yield { oid: entry.oid, symlink: (entry.mode & TYPE_MASK) === SYMLINK };
      }
    })(),
    op,
  );
  const files: AnnexedFile[] = [];
  for (const entry of entries) {
    const type = entry.mode & TYPE_MASK;
    if (type === SUBMODULE) continue;
    const key = dataset.keys.get(entry.oid, type === SYMLINK);
    if (key !== undefined) files.push({ path: entry.path, key, locked: type === SYMLINK, entry });
  }
  return files;
}

/**
 * Files that the user means.
 * @throws PATH_UNKNOWN for an argument that is neither tracked nor on disk: nothing is done then
 */
export async function selectFiles(dataset: Dataset, input: Selection, op: Op): Promise<SelectedFiles> {
  const index = dataset.repo.readIndex();
  const selection = selectionOf(dataset, input.paths, index);
  const chosen: IndexEntry[] = [];
  const nested: string[] = [];
  const conflicted = new Set<string>();
  for (const entry of index.entries) {
    if ((entry.mode & TYPE_MASK) === SUBMODULE) {
      if (selection.matches(entry.path) || selection.mayContain(entry.path)) nested.push(entry.path);
    } else if (selection.matches(entry.path)) {
      if (entry.stage === 0) chosen.push(entry);
      else conflicted.add(entry.path);
    }
  }
  if (conflicted.size > 0) {
    throw new DStoreError('CONFLICT', `${[...conflicted][0]} has an unresolved merge conflict`, { hint: 'resolve it, then: git add PATH' });
  }
  // A path inside a nested dataset matched nothing here and is looked up there.
  const unknown = selection.unmatched().filter((argument) => !nested.some((sub) => argumentInside(argument, dataset.prefix, sub)));
  for (const argument of unknown) {
    if (!existsInWorkTree(dataset, argument)) {
      throw new DStoreError('PATH_UNKNOWN', `${argument}: no such file in the dataset`, { hint: 'see what there is with: dstore find' });
    }
  }
  let files = await annexedFiles(dataset, chosen, op);
  const annexed = new Set(files.map(({ path }) => path));
  const named = new Set(pathArguments(dataset, input.paths).map((argument) => (dataset.prefix === '' ? argument : `${dataset.prefix}/${argument}`)));
  const inGit = files.length === chosen.length ? [] : chosen.filter(({ path }) => named.has(path) && !annexed.has(path)).map(({ path }) => path);
  files = await narrow(dataset, files, input, op);
  return { index, files, nested, inGit };
}

/** True when a path argument names something inside a nested dataset. */
export function argumentInside(argument: string, prefix: string, nested: string): boolean {
  const full = prefix === '' ? argument : `${prefix}/${argument}`;
  return full === nested || full.startsWith(`${nested}/`);
}

async function narrow(dataset: Dataset, files: AnnexedFile[], input: Selection, op: Op): Promise<AnnexedFile[]> {
  let kept = files;
  const { larger, smaller } = input;
  if (larger !== undefined) kept = kept.filter(({ key }) => (keySize(key) ?? -1) > larger);
  if (smaller !== undefined) kept = kept.filter(({ key }) => (keySize(key) ?? Number.POSITIVE_INFINITY) < smaller);
  const relative = (path: string): string => (dataset.prefix !== '' && path.startsWith(`${dataset.prefix}/`) ? path.slice(dataset.prefix.length + 1) : path);
  if (input.include !== undefined && input.include.length > 0) {
    const globs = input.include.map((pattern) => annexGlob(pattern));
    kept = kept.filter(({ path }) => globs.some((glob) => glob(relative(path)) || glob(basename(path))));
  }
  if (input.exclude !== undefined && input.exclude.length > 0) {
    const globs = input.exclude.map((pattern) => annexGlob(pattern));
    kept = kept.filter(({ path }) => !globs.some((glob) => glob(relative(path)) || glob(basename(path))));
  }
  if ((input.in?.length ?? 0) > 0 || (input.notIn?.length ?? 0) > 0) kept = await narrowByPlace(dataset, kept, input.in ?? [], input.notIn ?? [], op);
  return kept;
}

async function narrowByPlace(dataset: Dataset, files: AnnexedFile[], wanted: readonly string[], unwanted: readonly string[], op: Op): Promise<AnnexedFile[]> {
  const resolve = await placeResolver(dataset, op);
  const isIn = wanted.map((name) => resolve(name));
  const isNotIn = unwanted.map((name) => resolve(name));
  const logged = [...isIn, ...isNotIn].some((uuid) => uuid !== dataset.uuid);
  const locations = logged ? await readLocations(dataset, files.map(({ key }) => key), op) : undefined;
  const here = new Map<KeyText, boolean>();
  const has = (key: KeyText, uuid: string): boolean => {
    if (uuid !== dataset.uuid) return locations?.get(key)?.includes(uuid) ?? false;
    let present = here.get(key);
    if (present === undefined) here.set(key, present = dataset.objects.find(key) !== undefined);
    return present;
  };
  return files.filter(({ key }) => isIn.every((uuid) => has(key, uuid)) && !isNotIn.some((uuid) => has(key, uuid)));
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Groups files by their key: two files with one content are one transfer. */
export function byKey<File extends { readonly key: KeyText }>(files: readonly File[]): Map<KeyText, File[]> {
  const groups = new Map<KeyText, File[]>();
  for (const file of files) {
    const group = groups.get(file.key);
    if (group === undefined) groups.set(file.key, [file]);
    else group.push(file);
  }
  return groups;
}

/** A path as the user in `prefix` would type it. */
export function shownPath(prefix: string, path: string): string {
  if (prefix === '') return path;
  if (path.startsWith(`${prefix}/`)) return path.slice(prefix.length + 1);
  const from = prefix.split('/');
  const to = path.split('/');
  let common = 0;
  while (common < from.length && common < to.length - 1 && from[common] === to[common]) common++;
  return [...from.slice(common).map(() => '..'), ...to.slice(common)].join('/');
}
