/**
 * The git-annex branch of a repository: reading what git-annex considers current, and changing many files in one commit.
 * Format and rules: git-annex's internals (branch files, journal, union merge, transitions).
 *
 * Writing: under the journal lock, one ordinary commit with compare-and-swap that only adds lines or newer lines. git-annex's own
 * index file is left alone; git-annex sees that the branch moved and merges it into its index by itself.
 */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { branchPathOfJournalFile, journalFileName, unionMerge } from '../core/annex-log.ts';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import type { AnnexLocks } from '../io/annex-locks.ts';
import { makeDirectory, writeCacheFile } from '../io/durable.ts';
import { reflogIdentity } from '../git/objects.ts';
import type { ObjectWriter } from '../git/objects.ts';
import type { GitRepository } from '../git/repository.ts';

export const ANNEX_REF = 'refs/heads/git-annex';
const READ_PATHS = 8192;

/** Files of the branch and how their content changes; returning undefined or the same text leaves a file alone. */
export interface BranchEdit {
  readonly paths: readonly string[];
  edit(current: string): string | undefined;
}

export interface AnnexBranch {
  /** Content of many files; a file that does not exist is ''. */
  read(paths: readonly string[], op: Op): Promise<Map<string, string>>;
  /** Paths of all files of the branch. */
  list(op: Op): Promise<string[]>;
  /** Applies all edits in one commit; no commit when nothing changes. Returns whether the branch moved. */
  update(edits: readonly BranchEdit[], op: Op, options?: { readonly message?: string; readonly writer?: ObjectWriter }): Promise<boolean>;
  /** Merges every `…/git-annex` ref that is not merged yet. Returns whether the branch moved. */
  mergeRefs(op: Op): Promise<boolean>;
  readonly exists: boolean;
}

export function openAnnexBranch(repo: GitRepository, annexDirectory: string, locks: () => AnnexLocks): AnnexBranch {
  return new Branch(repo, annexDirectory, locks);
}

class Branch implements AnnexBranch {
  readonly #repo: GitRepository;
  readonly #annexDirectory: string;
  readonly #locks: () => AnnexLocks;

  constructor(repo: GitRepository, annexDirectory: string, locks: () => AnnexLocks) {
    this.#repo = repo;
    this.#annexDirectory = annexDirectory;
    this.#locks = locks;
  }

  get exists(): boolean {
    return this.#repo.readRef(ANNEX_REF) !== undefined || this.#foreignRefs().length > 0;
  }

  async read(paths: readonly string[], op: Op): Promise<Map<string, string>> {
    const head = this.#repo.readRef(ANNEX_REF);
    const contents = await this.#readWithJournal(head, paths, op);
    // Not merged: plain concatenation is a valid merge for a reader.
    for (const { oid } of await this.#unmergedRefs(head, op)) {
      for (const [path, { data }] of await this.#repo.readPaths(oid, paths, op)) {
        const current = contents.get(path) ?? '';
        const other = data.toString('utf8');
        if (other !== current) contents.set(path, current === '' ? other : unionMerge(current, other));
      }
    }
    if (this.#hasPrivateJournal()) {
      const directory = join(this.#annexDirectory, 'journal-private');
      for (const path of paths) {
        const content = readIfExists(join(directory, journalFileName(path)));
        if (content !== undefined) contents.set(path, (contents.get(path) ?? '') + content);
      }
    }
    return contents;
  }

  async #readWithJournal(head: string | undefined, paths: readonly string[], op: Op): Promise<Map<string, string>> {
    const contents = new Map<string, string>();
    const journal = this.#journalFiles();
    const inJournal = new Set(journal.length === 0 ? [] : journal);
    const fromBranch: string[] = [];
    for (const path of paths) {
      const name = inJournal.size === 0 ? undefined : journalFileName(path);
      const content = name !== undefined && inJournal.has(name) ? readIfExists(join(this.#annexDirectory, 'journal', name)) : undefined;
      if (content === undefined) fromBranch.push(path);
      else contents.set(path, completeLines(content));
    }
    if (head !== undefined && fromBranch.length > 0) {
      for (const [path, { data }] of await this.#repo.readPaths(head, fromBranch, op)) contents.set(path, data.toString('utf8'));
    }
    for (const path of fromBranch) if (!contents.has(path)) contents.set(path, '');
    return contents;
  }

  async list(op: Op): Promise<string[]> {
    const paths = new Set<string>();
    const head = this.#repo.readRef(ANNEX_REF);
    if (head !== undefined) for (const file of await this.#repo.listTree(head, op)) paths.add(file.path);
    for (const { oid } of await this.#unmergedRefs(head, op)) for (const file of await this.#repo.listTree(oid, op)) paths.add(file.path);
    for (const name of this.#journalFiles()) paths.add(branchPathOfJournalFile(name));
    return [...paths].sort();
  }

  async update(edits: readonly BranchEdit[], op: Op, options: { readonly message?: string; readonly writer?: ObjectWriter } = {}): Promise<boolean> {
    if (edits.length === 0) {
      await options.writer?.flush();
      return false;
    }
    return await this.#change(edits, options.message ?? 'update', options.writer, op);
  }

  async mergeRefs(op: Op): Promise<boolean> {
    const unmerged = await this.#unmergedRefs(this.#repo.readRef(ANNEX_REF), op);
    if (unmerged.length === 0) return false;
    return await this.#change([], 'update', undefined, op);
  }

  async #change(edits: readonly BranchEdit[], message: string, givenWriter: ObjectWriter | undefined, op: Op): Promise<boolean> {
    const lock = await this.#locks().journal(op);
    try {
      // A push from another clone may move the branch without taking the journal lock; the compare-and-swap notices.
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#changeOnce(edits, message, givenWriter, op);
        } catch (error) {
          if (!isDStoreError(error) || error.code !== 'CONFLICT' || attempt === 8) throw error;
        }
      }
    } finally {
      lock.release();
    }
  }

  async #changeOnce(edits: readonly BranchEdit[], message: string, givenWriter: ObjectWriter | undefined, op: Op): Promise<boolean> {
    const repo = this.#repo;
    const writer = givenWriter ?? repo.writer();
    const before = repo.readRef(ANNEX_REF);
    const journal = this.#journalFiles();
    const unmerged = await this.#unmergedRefs(before, op);
    let head = before;

    if (unmerged.length > 0) head = await this.#merge(head, unmerged, journal.length > 0, writer, op);

    const byPath = new Map<string, readonly BranchEdit[]>();
    for (const edit of edits) {
      // Nearly every path has this one edit only, and shares the list.
      const alone = [edit];
      for (const path of edit.paths) byPath.set(path, byPath.has(path) ? [...byPath.get(path)!, edit] : alone);
    }
    if (head !== before) await writer.flush();
    const changes = new Map<string, { mode: string; oid: string }>();
    // Sorted, a part of the paths shares its trees; a part at a time keeps memory independent of how many there are.
    const paths = [...byPath.keys()].sort();
    for (let start = 0; start < paths.length; start += READ_PATHS) {
      const part = paths.slice(start, start + READ_PATHS);
      const contents = await this.#readWithJournal(head, part, op);
      for (const path of part) {
        const current = contents.get(path) ?? '';
        let next = current;
        for (const { edit } of byPath.get(path)!) next = edit(next) ?? next;
        if (next !== current) changes.set(path, { mode: '100644', oid: writer.blob(next) });
      }
    }
    // Everything in the journal goes into the same commit, as git-annex does: a journal file replaces the branch's content when it
    // is committed, so one left behind would erase the lines written here.
    for (const name of journal) {
      const path = branchPathOfJournalFile(name);
      if (changes.has(path)) continue;
      const content = readIfExists(join(this.#annexDirectory, 'journal', name));
      if (content !== undefined) changes.set(path, { mode: '100644', oid: writer.blob(completeLines(content)) });
    }

    let commit = head;
    if (changes.size > 0) {
      const tree = await repo.editTree(head, changes, writer, op);
      const who = reflogIdentity(repo.config);
      commit = writer.commit({ tree, parents: head === undefined ? [] : [head], author: who, committer: who, message: `${message}\n` });
    }
    await writer.flush();
    if (commit === before || commit === undefined) return false;
    repo.updateRefs([{ name: ANNEX_REF, to: commit, from: before ?? null }], message);
    this.#carryMerged(before, commit, unmerged.map(({ oid }) => oid));
    for (const name of journal) rmSync(join(this.#annexDirectory, 'journal', name), { force: true });
    return true;
  }

  /** Union-merges refs into one commit; a plain fast-forward where possible. */
  async #merge(head: string | undefined, refs: readonly UnmergedRef[], journalPending: boolean, writer: ObjectWriter, op: Op): Promise<string> {
    const repo = this.#repo;
    if (head === undefined && refs.length === 1) return refs[0]!.oid;
    if (head !== undefined && refs.length === 1 && !journalPending && (await repo.isAncestor(head, refs[0]!.oid, op))) return refs[0]!.oid;
    const [base, others] = head === undefined ? [refs[0]!.oid, refs.slice(1)] : [head, refs];
    const merged = new Map<string, { mode: string; oid: string }>();
    for (const { oid, name } of others) {
      await this.#refuseUnmergeable(base, oid, name, op);
      const both: { path: string; ours: string; theirs: string }[] = [];
      for (const change of await repo.diffTrees(base, oid, op)) {
        // Present on one side only: keep it; deletions never propagate.
        if (change.to === undefined) continue;
        const ours = merged.get(change.path)?.oid ?? change.from?.oid;
        if (ours === undefined) merged.set(change.path, { mode: '100644', oid: change.to.oid });
        else if (ours !== change.to.oid) both.push({ path: change.path, ours, theirs: change.to.oid });
      }
      const texts = new Map<string, string>();
      if (both.length > 0) {
        await writer.flush();
        const wanted = [...new Set(both.flatMap(({ ours, theirs }) => [ours, theirs]))];
        await repo.readObjects(wanted, (id, object) => texts.set(id, object?.data.toString('utf8') ?? ''), op);
      }
      for (const { path, ours, theirs } of both) {
        merged.set(path, { mode: '100644', oid: writer.blob(unionMerge(texts.get(ours) ?? '', texts.get(theirs) ?? '')) });
      }
    }
    const tree = await repo.editTree(base, merged, writer, op);
    const who = reflogIdentity(repo.config);
    const names = others.map(({ name }) => name.replace(/^refs\/(heads|remotes)\//, '')).join(' ');
    return writer.commit({
      tree, parents: [base, ...others.map(({ oid }) => oid)], author: who, committer: who, message: `merging ${names} into git-annex\n`,
    });
  }

  async #refuseUnmergeable(ours: string, theirs: string, name: string, op: Op): Promise<void> {
    const paths = ['transitions.log', 'difference.log'];
    const [a, b] = [await this.#repo.readPaths(ours, paths, op), await this.#repo.readPaths(theirs, paths, op)];
    for (const path of paths) {
      const [left, right] = [a.get(path)?.data.toString() ?? '', b.get(path)?.data.toString() ?? ''];
      if (left !== right) {
        throw new DStoreError('UNSUPPORTED', `${name} and the local git-annex branch have a different ${path}; they cannot simply be merged`, {
          hint: 'run `git annex merge` once with git-annex installed, then repeat the command',
        });
      }
    }
  }

  #foreignRefs(): UnmergedRef[] {
    const refs: UnmergedRef[] = [];
    for (const [name, oid] of this.#repo.listRefs('refs/')) {
      if (name !== ANNEX_REF && name.endsWith('/git-annex')) refs.push({ name, oid });
    }
    return refs;
  }

  async #unmergedRefs(head: string | undefined, op: Op): Promise<UnmergedRef[]> {
    let candidates = this.#foreignRefs().filter(({ oid }) => oid !== head);
    if (candidates.length === 0) return [];
    const settled = this.#settledTips();
    candidates = candidates.filter(({ oid, name }) => !settled.has(oid) && !settled.has(name));
    const seen = new Set<string>();
    const unmerged: UnmergedRef[] = [];
    const merged: string[] = [];
    for (const ref of candidates) {
      if (seen.has(ref.oid)) continue;
      seen.add(ref.oid);
      if (head !== undefined && (await this.#repo.isAncestor(ref.oid, head, op))) merged.push(ref.oid);
      else unmerged.push(ref);
    }
    if (merged.length > 0 && head !== undefined) this.#rememberMerged(head, merged);
    return unmerged;
  }

  /**
   * Tips that need no look: git-annex's `ignoredrefs`, and our own note of tips found to be ancestors. The note names the head it was
   * true for; it counts while that head is the head or an ancestor was only moved forward, so it is keyed by the root of truth: the head.
   */
  #settledTips(): Set<string> {
    const settled = new Set<string>();
    const ignored = readIfExists(join(this.#annexDirectory, 'ignoredrefs')) ?? '';
    for (const line of ignored.split('\n')) if (line !== '') settled.add(line);
    const head = this.#repo.readRef(ANNEX_REF);
    const [noted, ...tips] = (readIfExists(join(this.#annexDirectory, 'dstore', 'merged')) ?? '').split('\n');
    if (head !== undefined && noted === head) for (const tip of tips) if (tip !== '') settled.add(tip);
    return settled;
  }

  #rememberMerged(head: string, tips: readonly string[]): void {
    const directory = join(this.#annexDirectory, 'dstore');
    try {
      const [noted, ...known] = (readIfExists(join(directory, 'merged')) ?? '').split('\n');
      const keep = noted === head ? known.filter((tip) => tip !== '') : [];
      makeDirectory(directory);
      writeCacheFile(join(directory, 'merged'), [head, ...new Set([...keep, ...tips]), ''].join('\n'));
    } catch {
      // Only saves the next command a look; a read-only clone still reads.
    }
  }

  /** What was merged into the old head is merged into the new one. */
  #carryMerged(before: string | undefined, head: string, tips: readonly string[]): void {
    const [noted, ...known] = (readIfExists(join(this.#annexDirectory, 'dstore', 'merged')) ?? '').split('\n');
    const merged = [...(before !== undefined && noted === before ? known.filter((tip) => tip !== '') : []), ...tips];
    if (merged.length > 0) this.#rememberMerged(head, merged);
  }

  #journalFiles(): string[] {
    try {
      return readdirSync(join(this.#annexDirectory, 'journal'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  #hasPrivateJournal(): boolean {
    return existsSync(join(this.#annexDirectory, 'journal-private'));
  }
}

interface UnmergedRef { readonly name: string; readonly oid: string }

/** Readers drop an incomplete last line: it is what a crash left. */
function completeLines(content: string): string {
  return content === '' || content.endsWith('\n') ? content : content.slice(0, content.lastIndexOf('\n') + 1);
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
