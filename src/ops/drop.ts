/**
 * Removes content that can be had again. Copies are verified live and in bulk; the decision is a pure function over that evidence;
 * what is removed is recorded in one commit of the location log.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { CopyEvidence, CopyPolicy, DropProof, UnsafeDrop } from '../core/drop-decision.ts';
import { decideDrop, forceDrop } from '../core/drop-decision.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { keySize } from '../core/key.ts';
import { checkAborted } from '../core/op.ts';
import type { Run } from '../core/run.ts';
import { annexedFiles, byKey, selectFiles, shownPath } from '../dataset/annexed-files.ts';
import type { AnnexedFile } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { filePolicy, strictest } from '../dataset/file-policy.ts';
import type { FilePolicy } from '../dataset/file-policy.ts';
import { updateIndex } from '../dataset/index-update.ts';
import { readLocations, recordLocations } from '../dataset/locations.ts';
import type { LocationChange } from '../dataset/locations.ts';
import { forNested } from '../dataset/nested.ts';
import { placeName, readPlaces, trustOf } from '../dataset/places.ts';
import type { PlaceBook } from '../dataset/places.ts';
import { contentRemotes, findContentRemote } from '../dataset/remotes.ts';
import type { ContentRemote } from '../dataset/remotes.ts';
import { requiredKeys } from '../dataset/required-content.ts';
import { withChanges } from '../dataset/unfinished.ts';
import { unmodifiedUnlocked, writePointer } from '../dataset/unlocked-files.ts';
import type { ContentLock } from '../io/annex-locks.ts';
import { itemFailure } from '../io/item-failure.ts';
import type { HeldCopies } from '../remote/remote.ts';
import type { DropInput } from '../core/inputs.ts';

/** Locks are open files; this stays well below the usual limit of 1,024. */
const BATCH_KEYS = 400;
/** From here on threads will be needed; they start while the copies are verified. */
const PREPARE_FILES = 64;
/** Files that the warning about forced removals names. */
const SHOWN_GIVEN_UP = 5;

export async function drop(input: DropInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    const { files, nested, index, inGit } = await selectFiles(dataset, input, run);
    for (const path of inGit) report(dataset, run, path, { status: 'notneeded', message: 'kept by git, not dropped' });
    if (dataset.repo.config.get('annex.version') !== '10') {
      throw new DStoreError('UNSUPPORTED', 'content of a repository older than annex.version 10 is locked in another way', { hint: 'upgrade it with: git annex upgrade' });
    }
    const book = await readPlaces(dataset, run);
    const everywhere = await annexedFiles(dataset, index.entries, run);
    const job = new DropJob(dataset, book, byKey(everywhere), filePolicy(dataset, index, book.files), input, run);
    await job.drop(files);
    await forNested(dataset, nested, input, { install: false, dryRun: input.dryRun ?? false }, run, async (nestedInput, nestedRun) => await drop({ ...input, ...nestedInput }, nestedRun));
  });
}

/** What one place said about one key. */
interface Answer { readonly place: string; readonly said: string }

class DropJob {
  readonly #dataset: Dataset;
  readonly #book: PlaceBook;
  /** All files of the clone by key: a content that several files use is dropped for all of them. */
  readonly #users: ReadonlyMap<KeyText, readonly AnnexedFile[]>;
  readonly #policy: FilePolicy;
  readonly #input: DropInput;
  readonly #run: Run;
  readonly #changes: LocationChange[] = [];
  readonly #refresh: string[] = [];
  #answers = new Map<KeyText, Answer[]>();
  #evidence = new Map<KeyText, CopyEvidence[]>();
  #held: HeldCopies[] = [];
  /** Forced removals: the first file of each key, and what was known. */
  readonly #givenUp: string[] = [];
  #files = 0;
  #bytes = 0;

  constructor(dataset: Dataset, book: PlaceBook, users: ReadonlyMap<KeyText, readonly AnnexedFile[]>, policy: FilePolicy, input: DropInput, run: Run) {
    this.#dataset = dataset;
    this.#book = book;
    this.#users = users;
    this.#policy = policy;
    this.#input = input;
    this.#run = run;
  }

  async drop(files: readonly AnnexedFile[]): Promise<void> {
    const groups = byKey(files);
    const from = this.#input.from === undefined || this.#input.from === 'here' ? undefined : findContentRemote(this.#dataset, this.#book, this.#input.from);
    const keys: KeyText[] = [];
    for (const [key, group] of groups) {
      if (from !== undefined || this.#dataset.objects.find(key) !== undefined) keys.push(key);
      else for (const { path } of group) report(this.#dataset, this.#run, path, { status: 'notneeded', key, message: 'not here' });
    }
    if (keys.length >= PREPARE_FILES && this.#input.dryRun !== true) this.#dataset.bulk.prepare();
    this.#run.emit({ type: 'plan', action: 'drop', files: keys.length, bytes: keys.reduce((sum, key) => sum + (keySize(key) ?? 0), 0) });
    try {
      for (let start = 0; start < keys.length; start += BATCH_KEYS) {
        checkAborted(this.#run);
        const batch = keys.slice(start, start + BATCH_KEYS);
        if (from === undefined) await this.#dropHere(batch, groups);
        else await this.#dropFrom(from, batch, groups);
      }
    } finally {
      this.#warnGivenUp();
      await recordLocations(this.#dataset, this.#changes, this.#run);
      await updateIndex(this.#dataset, this.#refresh.map((path) => ({ path })), this.#run);
    }
  }

  async #dropHere(keys: readonly KeyText[], groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>): Promise<void> {
    const dataset = this.#dataset;
    const modified = await this.#modifiedKeys(keys);
    const required = this.#input.force === true ? new Set<KeyText>() : await requiredKeys(dataset, this.#book, dataset.uuid, keys, this.#users, this.#run);
    if (this.#input.dryRun !== true) this.#noteForRecovery(keys);
    const locks = new Map<KeyText, ContentLock>();
    const candidates: KeyText[] = [];
    try {
      for (const key of keys) {
        const object = dataset.objects.find(key);
        if (object === undefined) continue;
        if (modified.has(key)) this.#refuse(key, groups, { code: 'DSTORE_E_MODIFIED', message: `${modified.get(key)!} has unsaved changes`, hint: 'save them first: dstore save' });
        else if (required.has(key)) this.#refuse(key, groups, requiredError());
        else if (this.#input.dryRun === true) candidates.push(key);
        else {
          // Locked before the others are asked: nobody may count on this copy from now on.
          const lock = dataset.locks().tryContent(object.path, 'exclusive');
          if (lock === undefined) this.#refuse(key, groups, { code: 'DSTORE_E_LOCKED', message: 'another process is using the content', hint: 'run the command again later' });
          else {
            locks.set(key, lock);
            candidates.push(key);
          }
        }
      }
      const proofs = await this.#prove(candidates, { uuid: dataset.uuid, local: true }, groups);
      if (this.#input.dryRun === true) {
        for (const { key } of proofs) this.#reportGroup(key, groups, { status: 'ok', bytes: keySize(key) ?? 0, dryRun: true });
        return;
      }
      await this.#removeHere(proofs, locks, groups);
    } finally {
      for (const lock of locks.values()) lock.release();
      this.#releaseHeld();
    }
  }

  /** The note only helps after a crash, and on a full disk dropping is the way out. */
  #noteForRecovery(keys: readonly KeyText[]): void {
    try {
      this.#dataset.scratch.willChange(keys);
    } catch (error) {
      if (!isDStoreError(error) || error.code !== 'NO_SPACE') throw error;
    }
  }

  async #removeHere(proofs: readonly DropProof[], locks: ReadonlyMap<KeyText, ContentLock>, groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>): Promise<void> {
    const dataset = this.#dataset;
    // Pointers first: with the content gone and the file still full, the file would be an unsaved change that nobody made.
    for (const { key } of proofs) for (const file of this.#users.get(key) ?? []) this.#emptyUnlocked(file);
    const items = proofs.flatMap(({ key }) => dataset.objects.paths(key).map((path) => ({ key, path })));
    const failed = new Map<KeyText, ErrorInfo>();
    const freed = new Map<KeyText, number>();
    await dataset.bulk.run('remove', items.map(({ path }) => ({ path, locked: true })), (result, position) => {
      const { key } = items[position]!;
      if (result.error !== undefined) failed.set(key, itemFailure(result.error, `cannot remove ${key}`));
      else if (result.removed) freed.set(key, (freed.get(key) ?? 0) + result.bytes);
    }, { signal: new AbortController().signal, emit: () => {} });
    for (const proof of proofs) {
      const { key } = proof;
      locks.get(key)?.release(freed.has(key) && !failed.has(key));
      const error = failed.get(key);
      this.#files++;
      this.#bytes += freed.get(key) ?? 0;
      if (error !== undefined) this.#reportGroup(key, groups, { status: 'error', error });
      else {
        this.#changes.push({ key, uuid: dataset.uuid, status: '0' });
        this.#reportGroup(key, groups, { status: 'ok', bytes: freed.get(key) ?? 0, ...this.#forceNote(proof) });
      }
    }
    this.#run.emit({ type: 'progress', files: this.#files, bytes: this.#bytes });
  }

  async #dropFrom(from: ContentRemote, keys: readonly KeyText[], groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>): Promise<void> {
    const remote = from.open();
    remote.requireWritable?.();
    if (remote.remove === undefined || remote.readOnly) throw new DStoreError('REMOTE_READONLY', `${from.name} does not accept removals`, {});
    const present: KeyText[] = [];
    await remote.check(keys, ({ key, state, error }) => {
      if (state === 'present' || state === 'corrupt') present.push(key);
      else if (state === 'unknown') this.#refuse(key, groups, error ?? { code: 'DSTORE_E_REMOTE_UNAVAILABLE', message: `${from.name} could not be asked` });
      else {
        this.#changes.push({ key, uuid: remote.uuid, status: '0' });
        this.#reportGroup(key, groups, { status: 'notneeded', message: `not in ${from.name}` });
      }
    }, this.#run);
    const required = this.#input.force === true ? new Set<KeyText>() : await requiredKeys(this.#dataset, this.#book, remote.uuid, present, this.#users, this.#run);
    const candidates = present.filter((key) => {
      if (required.has(key)) this.#refuse(key, groups, requiredError());
      return !required.has(key);
    });
    try {
      const proofs = await this.#prove(candidates, { uuid: remote.uuid, local: false }, groups);
      if (this.#input.dryRun === true) {
        for (const { key } of proofs) this.#reportGroup(key, groups, { status: 'ok', bytes: keySize(key) ?? 0, dryRun: true, remote: from.name });
        return;
      }
      const byProof = new Map(proofs.map((proof) => [proof.key, proof]));
      await remote.remove(proofs, ({ key, state, bytes, error }) => {
        this.#run.emit({ type: 'progress', files: ++this.#files, bytes: this.#bytes += bytes });
        if (state === 'failed') this.#reportGroup(key, groups, { status: 'error', remote: from.name, ...(error === undefined ? {} : { error }) });
        else {
          this.#changes.push({ key, uuid: remote.uuid, status: '0' });
          this.#reportGroup(key, groups, { status: 'ok', bytes, remote: from.name, ...this.#forceNote(byProof.get(key)) });
        }
      }, this.#run);
    } finally {
      this.#releaseHeld();
    }
  }

  /** Verifies copies until every key has enough or nobody is left to ask; reports refusals. */
  async #prove(keys: readonly KeyText[], from: { uuid: string; local: boolean }, groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>): Promise<DropProof[]> {
    if (keys.length === 0) return [];
    this.#answers = new Map();
    this.#evidence = new Map();
    const policies = new Map(keys.map((key) => [key, this.#copyPolicy(key, groups)]));
    const decide = (key: KeyText): DropProof | UnsafeDrop => decideDrop(key, from, policies.get(key)!, this.#evidence.get(key) ?? []);
    const proofs = new Map<KeyText, DropProof>();
    let open = [...keys];
    const settle = (): void => {
      open = open.filter((key) => {
        const decision = decide(key);
        if ('unsafe' in decision) return true;
        proofs.set(key, decision);
        return false;
      });
    };
    if (!from.local) {
      this.#holdHere(open);
      settle();
    }
    for (const candidate of contentRemotes(this.#dataset, this.#book)) {
      if (open.length === 0) break;
      if (candidate.uuid === from.uuid || candidate.uuid === this.#dataset.uuid) continue;
      await this.#ask(candidate, open);
      settle();
    }
    if (open.length > 0) await this.#trustedCopies(open, from.uuid);
    settle();
    if (this.#input.force === true) {
      for (const key of open) proofs.set(key, forceDrop(key, from.uuid));
      this.#givenUp.push(...open.map((key) => `${shownPath(this.#dataset.prefix, groups.get(key)?.[0]?.path ?? key)}${this.#saidOf(key)}`));
      return [...proofs.values()];
    }
    if (open.length > 0) await this.#explainRefusals(open, decide, groups, from);
    return [...proofs.values()];
  }

  async #ask(candidate: ContentRemote, keys: readonly KeyText[]): Promise<void> {
    const trust = trustOf(this.#book, candidate.uuid);
    const place = candidate.name;
    if (trust === 'untrusted' || trust === 'dead') {
      for (const key of keys) this.#note(key, place, `not asked: it is ${trust}`);
      return;
    }
    try {
      const remote = candidate.open();
      const present: KeyText[] = [];
      await remote.check(keys, ({ key, state, error }) => {
        if (state === 'present') {
          present.push(key);
          this.#note(key, place, 'has it');
        } else if (state === 'absent') this.#note(key, place, 'does not have it');
        else this.#note(key, place, error === undefined ? (state === 'corrupt' ? 'has other bytes under this key' : 'could not say') : withoutName(error.message, place));
      }, this.#run);
      const held = this.#input.dryRun === true ? undefined : remote.hold?.(present);
      if (held !== undefined) this.#held.push(held);
      for (const key of present) this.#addEvidence(key, { uuid: candidate.uuid, kind: held?.keys.has(key) === true ? 'locked' : 'verified' });
    } catch (error) {
      if (!isDStoreError(error) || error.code === 'ABORTED') throw error;
      for (const key of keys) this.#note(key, place, withoutName(error.message, place));
    }
  }

  #holdHere(keys: readonly KeyText[]): void {
    const locks: ContentLock[] = [];
    const held = new Set<KeyText>();
    for (const key of keys) {
      const object = this.#dataset.objects.find(key);
      if (object === undefined || (keySize(key) !== undefined && keySize(key) !== object.size)) {
        this.#note(key, 'here', object === undefined ? 'does not have it' : 'has other bytes under this key');
        continue;
      }
      const lock = this.#dataset.locks().tryContent(object.path, 'shared');
      if (lock === undefined) this.#note(key, 'here', 'is being dropped');
      else {
        locks.push(lock);
        held.add(key);
        this.#note(key, 'here', 'has it');
        this.#addEvidence(key, { uuid: this.#dataset.uuid, kind: 'locked' });
      }
    }
    this.#held.push({ keys: held, release: () => { for (const lock of locks) lock.release(); } });
  }

  /** Trusted places count by their record alone. */
  async #trustedCopies(keys: readonly KeyText[], fromUuid: string): Promise<void> {
    const trusted = [...this.#book.trust].filter(([uuid, level]) => level === 'trusted' && uuid !== fromUuid && uuid !== this.#dataset.uuid).map(([uuid]) => uuid);
    if (trusted.length === 0) return;
    const locations = await readLocations(this.#dataset, keys, this.#run);
    for (const key of keys) {
      for (const uuid of trusted) if (locations.get(key)?.includes(uuid) === true) this.#addEvidence(key, { uuid, kind: 'trusted' });
    }
  }

  async #explainRefusals(keys: readonly KeyText[], decide: (key: KeyText) => DropProof | UnsafeDrop, groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>, from: { uuid: string; local: boolean }): Promise<void> {
    const locations = await readLocations(this.#dataset, keys, this.#run);
    const reachable = new Set(contentRemotes(this.#dataset, this.#book).map(({ uuid }) => uuid));
    for (const key of keys) {
      const decision = decide(key);
      if (!('unsafe' in decision)) continue;
      const said = (this.#answers.get(key) ?? []).map(({ place, said: what }) => `${place}: ${what}`);
      for (const uuid of locations.get(key) ?? []) {
        if (uuid === from.uuid || uuid === this.#dataset.uuid || reachable.has(uuid)) continue;
        said.push(`${placeName(this.#book, uuid, this.#dataset.uuid)}: recorded to have it, cannot be asked from here`);
      }
      const lacking = decision.have >= decision.needed && decision.haveLocked < decision.needLocked
        ? `could lock only ${decision.haveLocked} of ${decision.needLocked} other copies against removal`
        : `could verify only ${decision.have} of ${decision.needed} other copies`;
      this.#refuse(key, groups, {
        code: 'DSTORE_E_DROP_UNSAFE',
        message: `${lacking}${said.length === 0 ? ' (no other place is known)' : ` (${said.join('; ')})`}`,
        hint: from.local ? 'store it first with: dstore push (or give this copy up with --force)' : 'get it here first with: dstore get (or give this copy up with --force)',
      });
    }
  }

  #copyPolicy(key: KeyText, groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>): CopyPolicy {
    const users = this.#users.get(key) ?? groups.get(key) ?? [];
    return strictest(users.map(({ path }) => this.#policy.copies(path)));
  }

  /** Keys of unlocked files that were changed and not saved, with the path. */
  async #modifiedKeys(keys: readonly KeyText[]): Promise<Map<KeyText, string>> {
    const unlocked = keys.flatMap((key) => (this.#users.get(key) ?? []).filter(({ locked }) => !locked));
    const modified = new Map<KeyText, string>();
    if (unlocked.length === 0) return modified;
    const clean = await unmodifiedUnlocked(this.#dataset, unlocked, this.#run);
    for (const { key, path } of unlocked) if (!clean.has(path)) modified.set(key, path);
    return modified;
  }

  #emptyUnlocked(file: AnnexedFile): void {
    if (file.locked || this.#dataset.scratch.isBehindLink(this.#dataset.top, file.path)) return;
    if (lstatSync(join(this.#dataset.top, file.path), { throwIfNoEntry: false }) === undefined) return;
    writePointer(this.#dataset, file);
    this.#refresh.push(file.path);
  }

  #forceNote(proof: DropProof | undefined): { message?: string } {
    if (proof?.forced !== true) return {};
    return { message: `forced: too few other copies were verified${this.#saidOf(proof.key)}` };
  }

  #saidOf(key: KeyText): string {
    const said = (this.#answers.get(key) ?? []).map(({ place, said: what }) => `${place}: ${what}`);
    return said.length === 0 ? ' (no other place is known)' : ` (${said.join('; ')})`;
  }

  #warnGivenUp(): void {
    if (this.#givenUp.length === 0) return;
    const shown = this.#givenUp.slice(0, SHOWN_GIVEN_UP);
    const rest = this.#givenUp.length - shown.length;
    this.#run.emit({
      type: 'warning', message: `forced although too few other copies could be verified: ${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`,
      hint: 'what no other place has is lost; see what is recorded with: dstore whereis PATH',
    });
  }

  #releaseHeld(): void {
    for (const held of this.#held) held.release();
    this.#held = [];
  }

  #note(key: KeyText, place: string, said: string): void {
    const list = this.#answers.get(key);
    if (list === undefined) this.#answers.set(key, [{ place, said }]);
    else list.push({ place, said });
  }

  #addEvidence(key: KeyText, evidence: CopyEvidence): void {
    const list = this.#evidence.get(key);
    if (list === undefined) this.#evidence.set(key, [evidence]);
    else list.push(evidence);
  }

  #refuse(key: KeyText, groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>, error: ErrorInfo): void {
    this.#reportGroup(key, groups, { status: 'impossible', error });
  }

  #reportGroup(key: KeyText, groups: ReadonlyMap<KeyText, readonly AnnexedFile[]>, result: Result): void {
    let { bytes } = result;
    for (const { path } of groups.get(key) ?? []) {
      report(this.#dataset, this.#run, path, { ...result, key, ...(bytes === undefined ? {} : { bytes }) });
      // Two files with one content free it once.
      if (bytes !== undefined) bytes = 0;
    }
  }
}

interface Result {
  readonly status: 'ok' | 'notneeded' | 'impossible' | 'error';
  readonly key?: KeyText; readonly bytes?: number; readonly message?: string; readonly remote?: string; readonly error?: ErrorInfo; readonly dryRun?: boolean;
}

/** A remote's message without the name that stands in front of it anyway. */
function withoutName(message: string, place: string): string {
  return message.startsWith(place) ? message.slice(place.length).replace(/^:? /, '') : message;
}

function requiredError(): ErrorInfo {
  return { code: 'DSTORE_E_REQUIRED_CONTENT', message: 'it is required content there', hint: 'see git annex required, or give this copy up with --force' };
}

function report(dataset: Dataset, run: Run, path: string, result: Result): void {
  run.report({ type: 'result', action: 'drop', kind: 'file', path: shownPath(dataset.prefix, path), dataset: dataset.top, ...result });
}
