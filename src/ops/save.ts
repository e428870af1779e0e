/**
 * Records the state of files: content that belongs in the annex is hashed and moved there, the rest goes to git, and one commit names it.
 * Order: bytes in the annex, git objects, durable, location log, index, branch. A failure in between leaves nothing dangling.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { keyOfSymlink, symlinkTarget } from '../core/pointer.ts';
import { checkAborted } from '../core/op.ts';
import type { Op } from '../core/op.ts';
import type { Run } from '../core/run.ts';
import { shownPath } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { readDatasetId, refuseAdjustedBranch } from '../dataset/dataset.ts';
import { filePolicy } from '../dataset/file-policy.ts';
import type { FilePolicy } from '../dataset/file-policy.ts';
import { lockIndex, newEntry } from '../dataset/index-update.ts';
import { quoteConfigValue, replaceLink, replaceText } from '../dataset/links.ts';
import { locationEdits, recordLocations } from '../dataset/locations.ts';
import type { LocationChange } from '../dataset/locations.ts';
import { isInstalled, reportBelow } from '../dataset/nested.ts';
import { readPlaces } from '../dataset/places.ts';
import { selectionOf } from '../dataset/path-arguments.ts';
import type { PathSelection } from '../dataset/select-paths.ts';
import { withChanges } from '../dataset/unfinished.ts';
import { Ingest } from '../transfer/ingest.ts';
import type { Staged } from '../transfer/ingest.ts';
import { existsInWorkTree, lstatData, scanWorkTree } from '../dataset/work-tree.ts';
import type { WorkTreeChange } from '../dataset/work-tree.ts';
import type { GitIndex, IndexEntry } from '../git/git-index.ts';
import { writeTreeFromIndex } from '../git/git-index.ts';
import { identity } from '../git/objects.ts';
import type { ObjectWriter } from '../git/objects.ts';
import { openRepository } from '../git/repository.ts';
import { syncFileSystem } from '../io/durable.ts';
import type { SaveInput } from '../core/inputs.ts';

/** From here on threads will be needed; they start while the configuration is read. */
const PREPARE_FILES = 64;
const SYMLINK = 0o120000;
const SUBMODULE = 0o160000;
const TYPE_MASK = 0o170000;

export async function save(input: SaveInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    refuseAdjustedBranch(dataset.repo, 'save');
    if (input.recursive === true) await saveNested(dataset, input, run);
    await new SaveJob(dataset, input, run).save();
  });
}

/** Inner datasets first, new ones too, so that the outer commit names their new state. */
async function saveNested(dataset: Dataset, input: SaveInput, run: Run): Promise<void> {
  const index = dataset.repo.readIndex();
  const selection = selectionOf(dataset, input.paths, index);
  const known = index.entries.filter(({ mode, path }) => (mode & TYPE_MASK) === SUBMODULE && isInstalled(dataset.top, path)).map(({ path }) => path);
  const { changes } = await scanWorkTree(dataset, index, selection, run);
  const added = changes.filter(({ type, kind }) => type === 'dataset' && kind === 'untracked').map(({ path }) => path);
  for (const path of [...known, ...added]) {
    if (!selection.matches(path) && !selection.mayContain(path)) continue;
    await save({ ...input, cwd: join(dataset.top, path), paths: [] }, reportBelow(run, shownPath(dataset.prefix, path)));
  }
}

class SaveJob {
  readonly #dataset: Dataset;
  readonly #input: SaveInput;
  readonly #run: Run;
  readonly #writer: ObjectWriter;
  readonly #staged: Staged[] = [];
  readonly #removed: string[] = [];
  readonly #annexedKeys: string[] = [];
  readonly #failures = new Set<string>();
  #recorded: { path: string; what: string; key?: string; bytes?: number }[] = [];

  constructor(dataset: Dataset, input: SaveInput, run: Run) {
    this.#dataset = dataset;
    this.#input = input;
    this.#run = run;
    this.#writer = dataset.repo.writer();
  }

  async save(): Promise<void> {
    const dataset = this.#dataset;
    const selection = await this.#stage();
    if (selection === undefined) return;
    const committed = await this.#recordingOnFailure(async () => await this.#commit(selection));
    for (const { path, what, key, bytes } of this.#recorded) {
      if (!this.#failures.has(path)) this.#report(path, { status: 'ok', message: what, ...(key === undefined ? {} : { key }), ...(bytes === undefined ? {} : { bytes }) });
    }
    this.#run.report({
      type: 'result', action: 'save', kind: 'dataset', dataset: dataset.top, path: shownPath(dataset.prefix, '.'), status: committed === undefined ? 'notneeded' : 'ok',
      ...(committed === undefined ? { message: 'nothing to save' } : { details: { commit: committed } }),
    });
  }

  /** Takes everything that changed into annex and git objects; undefined after a dry run. What the scan found is let go with it. */
  async #stage(): Promise<PathSelection | undefined> {
    const dataset = this.#dataset;
    const run = this.#run;
    const { repo } = dataset;
    const index = repo.readIndex();
    const selection = selectionOf(dataset, this.#input.paths, index);
    run.emit({ type: 'phase', name: 'scanning' });
    const { changes } = await scanWorkTree(dataset, index, selection, run);
    for (const argument of selection.unmatched()) {
      if (!existsInWorkTree(dataset, argument) && !changes.some(({ path }) => selection.matches(path))) {
        throw new DStoreError('PATH_UNKNOWN', `${argument}: no such file in the dataset or on disk`, { hint: 'see what has changed with: dstore status' });
      }
    }
    if (changes.length >= PREPARE_FILES && this.#input.dryRun !== true) dataset.bulk.prepare();
    const headTree = await repo.resolve('HEAD^{tree}', run);
    const book = await readPlaces(dataset, run);
    const policy = filePolicy(dataset, index, book.files, changes.filter(({ path }) => path.endsWith('.gitattributes')).map(({ path }) => path));
    const wanted = changes.filter(({ kind }) => this.#input.updated !== true || kind !== 'untracked');
    const relock = await this.#temporarilyUnlocked(index, headTree, selection.matches, new Set(wanted.map(({ path }) => path)));
    if (this.#input.dryRun === true) {
      this.#reportPlan(wanted, policy);
      return undefined;
    }
    // Who cannot commit must learn it before files are moved.
    identity(repo.config);
    if (wanted.length > 0) (await lockIndex(dataset, run)).rollback();
    await this.#recordingOnFailure(async () => await this.#stageAll(wanted, relock, policy));
    return selection;
  }

  /** Content that is in the annex by the time something fails is recorded; its links are saved by the next run. */
  async #recordingOnFailure<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await recordLocations(this.#dataset, this.#locations(), this.#run);
      throw error;
    }
  }

  #locations(): LocationChange[] {
    return this.#annexedKeys.map((key) => ({ key, uuid: this.#dataset.uuid, status: '1' }));
  }

  /**
   * Files that git knows as unlocked now and that the last commit has locked: `unlock` is for editing, and saving ends it, as in DataLad.
   * A file that was committed unlocked stays so.
   */
  async #temporarilyUnlocked(index: GitIndex, headTree: string | undefined, matches: (path: string) => boolean, changed: ReadonlySet<string>): Promise<IndexEntry[]> {
    if (headTree === undefined) return [];
    const regular = index.entries.filter((entry) => entry.stage === 0 && (entry.mode & TYPE_MASK) === 0o100000 && matches(entry.path) && !changed.has(entry.path));
    if (regular.length === 0) return [];
    await this.#dataset.keys.learn(regular.map(({ oid }) => ({ oid, symlink: false })), this.#run);
    const unlocked = regular.filter(({ oid }) => this.#dataset.keys.get(oid, false) !== undefined);
    if (unlocked.length === 0) return [];
    const committed = await this.#dataset.repo.readPaths(headTree, unlocked.map(({ path }) => path), this.#run);
    return unlocked.filter(({ path, oid }) => {
      const before = committed.get(path);
      const key = this.#dataset.keys.get(oid, false);
      return before !== undefined && before.oid !== oid && keyOfSymlink(before.data.toString('utf8')) === key;
    });
  }

  async #stageAll(changes: readonly WorkTreeChange[], relock: readonly IndexEntry[], policy: FilePolicy): Promise<void> {
    const toAnnex: WorkTreeChange[] = [];
    const committedUnlocked = await this.#unlockedInHead(changes);
    for (const change of changes) {
      checkAborted(this.#run);
      try {
        if (change.kind === 'deleted') {
          this.#removed.push(change.path);
          this.#recorded.push({ path: change.path, what: 'deleted' });
        } else if (change.type === 'dataset') this.#stageDataset(change);
        else if (change.type === 'symlink') this.#stageLink(change);
        else if (this.#input.toGit !== true && policy.toAnnex(change.path, change.stat!.size)) toAnnex.push(change);
        else this.#stageInGit(change);
      } catch (error) {
        this.#fail(change.path, isDStoreError(error) ? error.toInfo() : { code: 'DSTORE_E_IO', message: `cannot save ${change.path}: ${(error as Error).message}` });
      }
    }
    const ingest = new Ingest(this.#dataset, {
      policy, writer: this.#writer, stage: (entry) => this.#staged.push(entry), fail: (path, error) => this.#fail(path, error),
      keepUnlocked: (path) => policy.addUnlocked || committedUnlocked.has(path),
      annexed: (change, key, bytes) => {
        this.#annexedKeys.push(key);
        this.#recorded.push({ path: change.path, what: change.kind === 'untracked' ? 'added' : 'modified', key, bytes });
      },
    }, this.#run);
    await ingest.run(toAnnex);
    this.#relock(relock);
  }

  #stageDataset(change: WorkTreeChange): void {
    const nested = openRepository(join(this.#dataset.top, change.path));
    const commit = nested.head().oid;
    void nested.close();
    if (commit === undefined) {
      throw new DStoreError('GIT_UNSUPPORTED', `the nested repository ${change.path} has no commit yet`, { hint: `save it first: dstore -C ${change.path} save` });
    }
    const stat = lstatData(join(this.#dataset.top, change.path));
    if (stat === undefined) return;
    this.#staged.push({ path: change.path, mode: SUBMODULE, oid: commit, stat: { ...stat, size: 0 } });
    this.#recorded.push({ path: change.path, what: 'nested dataset' });
    if (change.kind === 'untracked') this.#registerNested(change.path);
  }

  /** Adds the dataset to .gitmodules, as DataLad does. */
  #registerNested(path: string): void {
    const id = readDatasetId(join(this.#dataset.top, path));
    const file = join(this.#dataset.top, '.gitmodules');
    let text = '';
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      // The first one.
    }
    const quoted = path.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
    const next = `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}[submodule "${quoted}"]\n\tpath = ${quoteConfigValue(path)}\n\turl = ${quoteConfigValue(`./${path}`)}\n${id === undefined ? '' : `\tdatalad-id = ${id}\n`}`;
    replaceText(this.#dataset, '.gitmodules', next);
    const stat = lstatData(file)!;
    this.#staged.push({ path: '.gitmodules', mode: 0o100644, oid: this.#writer.blob(next), stat });
  }

  #stageLink(change: WorkTreeChange): void {
    const path = join(this.#dataset.top, change.path);
    const target = readlinkSync(path);
    const key = keyOfSymlink(target);
    // A moved annexed file: its link leads astray until the depth fits again.
    const right = key === undefined ? target : symlinkTarget(change.path, key);
    if (right !== target) replaceLink(this.#dataset, change.path, right);
    const oid = this.#writer.blob(right);
    this.#dataset.keys.note(oid, true, key);
    this.#staged.push({ path: change.path, mode: SYMLINK, oid, stat: lstatData(path)! });
    // Content that is here without being on record: a save that was killed, or a link that was made by hand.
    if (key !== undefined && this.#dataset.objects.find(key) !== undefined) this.#annexedKeys.push(key);
    this.#recorded.push({ path: change.path, what: change.kind === 'untracked' ? 'added' : 'modified', ...(key === undefined ? {} : { key }) });
  }

  #stageInGit(change: WorkTreeChange): void {
    const path = join(this.#dataset.top, change.path);
    const stat = change.stat!;
    const oid = this.#writer.blobFile === undefined || stat.size < 1 << 20 ? this.#writer.blob(readFileSync(path)) : this.#writer.blobFile(path);
    this.#staged.push({ path: change.path, mode: (stat.mode & 0o100) === 0 ? 0o100644 : 0o100755, oid, stat });
    this.#recorded.push({ path: change.path, what: `${change.kind === 'untracked' ? 'added' : 'modified'} (git)`, bytes: stat.size });
  }

  #relock(entries: readonly IndexEntry[]): void {
    for (const entry of entries) {
      const key = this.#dataset.keys.get(entry.oid, false);
      if (key === undefined) continue;
      const path = join(this.#dataset.top, entry.path);
      const target = symlinkTarget(entry.path, key);
      replaceLink(this.#dataset, entry.path, target);
      const oid = this.#writer.blob(target);
      this.#dataset.keys.note(oid, true, key);
      this.#staged.push({ path: entry.path, mode: SYMLINK, oid, stat: lstatData(path)! });
      this.#recorded.push({ path: entry.path, what: 'locked again', key });
    }
  }

  /** Paths that the last commit has as unlocked files. */
  async #unlockedInHead(changes: readonly WorkTreeChange[]): Promise<Set<string>> {
    const { repo, keys } = this.#dataset;
    const candidates = changes.filter(({ entry, type }) => type === 'file' && entry !== undefined && (entry.mode & TYPE_MASK) === 0o100000);
    const found = new Set<string>();
    if (candidates.length === 0) return found;
    await keys.learn(candidates.map(({ entry }) => ({ oid: entry!.oid, symlink: false })), this.#run);
    const head = await repo.resolve('HEAD^{tree}', this.#run);
    const committed = await repo.readPaths(head, candidates.map(({ path }) => path), this.#run);
    for (const { path, entry } of candidates) {
      if (keys.get(entry!.oid, false) === undefined) continue;
      const before = committed.get(path);
      // Committed as a link, unlocked since: saving locks it again.
      if (before === undefined || before.data.toString('utf8', 0, 15) === '/annex/objects/') found.add(path);
    }
    return found;
  }

  /** Returns the new commit, or undefined when there was nothing to record. */
  async #commit(selection: PathSelection): Promise<string | undefined> {
    const dataset = this.#dataset;
    const { repo } = dataset;
    // From here on the work tree has changed: finishing is better than stopping half way.
    const run: Op = { signal: new AbortController().signal, emit: (event) => this.#run.emit(event) };
    // Before the lock, which others wait for.
    if (this.#annexedKeys.length > 0) await syncFileSystem(dataset.annexDirectory);
    const locked = await lockIndex(dataset, run);
    try {
      for (const path of this.#removed) locked.index.delete(path);
      for (const { path, mode, oid, stat } of this.#staged) {
        this.#clearUnder(locked.index, path);
        locked.index.set(newEntry(path, mode, oid, stat));
      }
      // Only now: another save may have committed while this one was hashing, and its files must stay.
      const head = repo.head();
      const headTree = head.oid === undefined ? undefined : await repo.resolve(`${head.oid}^{tree}`, run);
      const tree = selection.everything
        ? await writeTreeFromIndex(locked.index, headTree, repo, this.#writer, run)
        : await this.#partialTree(locked.index, headTree, selection, run);
      run.emit({ type: 'phase', name: 'recording' });
      let commit: string | undefined;
      if (tree !== headTree) {
        const author = identity(repo.config);
        commit = this.#writer.commit({ tree, parents: head.oid === undefined ? [] : [head.oid], author, committer: author, message: `${this.#message()}\n` });
      }
      await dataset.branch.update(locationEdits(this.#locations()), run, { writer: this.#writer });
      dataset.scratch.recorded();
      if (commit !== undefined) repo.updateRefs([{ name: head.ref ?? 'HEAD', to: commit, from: head.oid ?? null }], `commit: ${this.#message().split('\n')[0]!}`);
      locked.commit();
      return commit;
    } catch (error) {
      locked.rollback();
      throw error;
    }
  }

  /** With paths given, only they are committed; what else is staged stays staged. */
  async #partialTree(index: GitIndex, headTree: string | undefined, selection: PathSelection, op: Op): Promise<string> {
    const changes = new Map<string, { mode: string; oid: string } | undefined>();
    for (const path of this.#removed) changes.set(path, undefined);
    for (const { path, mode, oid } of this.#staged) changes.set(path, { mode: mode.toString(8).padStart(6, '0'), oid });
    // Already staged by the user below the same paths.
    const committed = new Map(headTree === undefined ? [] : (await this.#dataset.repo.listTree(headTree, op)).map((file) => [file.path, file]));
    for (const entry of index.entries) {
      if (entry.stage !== 0 || entry.intentToAdd || changes.has(entry.path) || !selection.matches(entry.path)) continue;
      const before = committed.get(entry.path);
      if (before?.oid !== entry.oid || Number.parseInt(before.mode, 8) !== entry.mode) changes.set(entry.path, { mode: entry.mode.toString(8).padStart(6, '0'), oid: entry.oid });
    }
    for (const path of committed.keys()) if (selection.matches(path) && index.get(path) === undefined) changes.set(path, undefined);
    return await this.#dataset.repo.editTree(headTree, changes, this.#writer, op);
  }

  /** A file in place of a folder, or the reverse: the index cannot have both. */
  #clearUnder(index: GitIndex, path: string): void {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) index.delete(path.slice(0, slash));
  }

  #message(): string {
    const given = this.#input.message?.trim();
    if (given !== undefined && given !== '') return given;
    const files = this.#recorded.length;
    return `Save ${files} ${files === 1 ? 'change' : 'changes'}`;
  }

  #reportPlan(changes: readonly WorkTreeChange[], policy: FilePolicy): void {
    for (const { path, kind, type, stat } of changes) {
      const annex = type === 'file' && this.#input.toGit !== true && policy.toAnnex(path, stat!.size);
      this.#report(path, { status: 'ok', dryRun: true, message: `${kind}${type === 'file' ? (annex ? ' (annex)' : ' (git)') : ''}`, ...(stat === undefined ? {} : { bytes: stat.size }) });
    }
  }

  #fail(path: string, error: ErrorInfo): void {
    this.#failures.add(path);
    this.#report(path, { status: 'error', error });
  }

  #report(path: string, result: { status: 'ok' | 'error'; key?: string; bytes?: number; message?: string; error?: ErrorInfo; dryRun?: boolean }): void {
    this.#run.report({ type: 'result', action: 'save', kind: 'file', path: shownPath(this.#dataset.prefix, path), dataset: this.#dataset.top, ...result });
  }
}
