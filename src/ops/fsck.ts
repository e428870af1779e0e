/** Checks that content is what its key says and that the location log tells the truth; corrects the log, sets bad content aside. */
import { chmodSync, lstatSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ErrorInfo } from '../core/errors.ts';
import { contentCheck } from '../core/content-check.ts';
import type { KeyText } from '../core/key.ts';
import { keyToFileName } from '../core/key.ts';
import { symlinkTarget } from '../core/pointer.ts';
import type { Run } from '../core/run.ts';
import { byKey, selectFiles, shownPath } from '../dataset/annexed-files.ts';
import type { AnnexedFile } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { filePolicy, strictest } from '../dataset/file-policy.ts';
import { replaceLink } from '../dataset/links.ts';
import { readLocations, recordLocations } from '../dataset/locations.ts';
import type { LocationChange } from '../dataset/locations.ts';
import { forNested } from '../dataset/nested.ts';
import { placeName, readPlaces, trustOf } from '../dataset/places.ts';
import { findContentRemote } from '../dataset/remotes.ts';
import { withChanges } from '../dataset/unfinished.ts';
import { linkOnDisk } from '../dataset/work-tree.ts';
import { makeDirectory } from '../io/durable.ts';
import { itemFailure } from '../io/item-failure.ts';
import type { FsckInput } from '../core/inputs.ts';

type Verdict = { readonly state: 'good' | 'absent' | 'bad' | 'unknown'; readonly error?: ErrorInfo };

export async function fsck(input: FsckInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    const { files, nested, index } = await selectFiles(dataset, input, run);
    const book = await readPlaces(dataset, run);
    const groups = byKey(files);
    const keys = [...groups.keys()];
    const remote = input.from === undefined || input.from === 'here' ? undefined : findContentRemote(dataset, book, input.from);
    const uuid = remote?.uuid ?? dataset.uuid;
    const verdicts = remote === undefined ? await checkHere(dataset, keys, input.fast ?? false, run) : await checkRemote(dataset, remote, keys, input.fast ?? false, run);
    if (remote === undefined && input.dryRun !== true) mendLinks(dataset, files, run);

    const policy = filePolicy(dataset, index, book.files);
    const locations = await readLocations(dataset, keys, run);
    const changes: LocationChange[] = [];
    for (const key of keys) {
      const group = groups.get(key)!;
      const verdict = verdicts.get(key) ?? { state: 'unknown' };
      const logged = (locations.get(key) ?? []).includes(uuid);
      const notes: string[] = [];
      if (verdict.state === 'good' && !logged) {
        changes.push({ key, uuid, status: '1' });
        notes.push('the location log did not know about this copy; corrected');
      }
      if ((verdict.state === 'absent' || verdict.state === 'bad') && logged) {
        changes.push({ key, uuid, status: '0' });
        if (verdict.state === 'absent') notes.push('the location log claimed a copy that is not there; corrected');
      }
      const holders = (locations.get(key) ?? []).filter((other) => other !== uuid && ['semitrusted', 'trusted'].includes(trustOf(book, other)));
      if (verdict.state === 'good') holders.push(uuid);
      const { numCopies } = strictest(group.map(({ path }) => policy.copies(path)));
      const error = verdict.error ?? (holders.length < numCopies ? {
        code: 'DSTORE_E_CONTENT_UNAVAILABLE',
        message: `only ${holders.length} of ${numCopies} copies are recorded to exist${holders.length === 0 ? '' : `: ${holders.map((other) => placeName(book, other, dataset.uuid)).join(', ')}`}`,
        hint: holders.length === 0 ? 'find a copy and put it back with: git annex reinject' : 'make another copy: dstore push',
      } : verdict.state === 'absent' && logged ? { code: 'DSTORE_E_CONTENT_UNAVAILABLE', message: notes.shift()!, hint: 'get it again: dstore get' } : undefined);
      for (const { path } of group) {
        run.report({
          type: 'result', action: 'fsck', kind: 'file', path: shownPath(dataset.prefix, path), key, dataset: dataset.top,
          status: error === undefined ? 'ok' : 'error', ...(notes.length === 0 ? {} : { message: notes.join('; ') }), ...(error === undefined ? {} : { error }),
          ...(remote === undefined ? {} : { remote: remote.name }),
        });
      }
    }
    if (input.dryRun !== true) await recordLocations(dataset, changes, run);
    await forNested(dataset, nested, input, { install: false, dryRun: false }, run, async (nestedInput, nestedRun) => await fsck({ ...input, ...nestedInput }, nestedRun));
  });
}

async function checkHere(dataset: Dataset, keys: readonly KeyText[], fast: boolean, run: Run): Promise<Map<KeyText, Verdict>> {
  const verdicts = new Map<KeyText, Verdict>();
  const toHash: { key: KeyText; path: string; hash: string; digest: string }[] = [];
  let total = 0;
  for (const key of keys) {
    const object = dataset.objects.find(key);
    const { hash, digest, size } = contentCheck(key);
    if (object === undefined) verdicts.set(key, { state: 'absent' });
    else if (size !== undefined && size !== object.size) verdicts.set(key, setAside(dataset, key, object.path, `it has ${object.size} bytes, not ${size}`));
    else if (fast || hash === undefined || digest === undefined) verdicts.set(key, { state: 'good' });
    else {
      toHash.push({ key, path: object.path, hash, digest });
      total += object.size;
    }
  }
  run.emit({ type: 'plan', action: 'fsck', files: toHash.length, bytes: total });
  let files = 0;
  await dataset.bulk.run('hash', toHash.map(({ path, hash }) => ({ path, hash })), (result, position) => {
    const { key, path, digest } = toHash[position]!;
    files++;
    if (result.error !== undefined) verdicts.set(key, { state: 'unknown', error: itemFailure(result.error, `cannot read ${path}`) });
    else if (result.digest === digest) verdicts.set(key, { state: 'good' });
    else verdicts.set(key, setAside(dataset, key, path, 'its bytes do not match the key'));
  }, run, { onBytes: (bytes) => run.emit({ type: 'progress', files, bytes }) });
  return verdicts;
}

/** Bad content leaves its name, so that nobody uses it, and is kept for rescue, where git-annex keeps it. */
function setAside(dataset: Dataset, key: KeyText, path: string, why: string): Verdict {
  const target = join(dataset.annexDirectory, 'bad', keyToFileName(key));
  try {
    makeDirectory(join(dataset.annexDirectory, 'bad'), dataset.shared);
    chmodSync(dirname(path), 0o755);
    renameSync(path, target);
  } catch (error) {
    return { state: 'bad', error: { code: 'DSTORE_E_CONTENT_CORRUPT', message: `the content here is damaged (${why}) and could not be set aside: ${(error as Error).message}` } };
  }
  return { state: 'bad', error: { code: 'DSTORE_E_CONTENT_CORRUPT', message: `the content here is damaged (${why}); moved to ${target}`, hint: 'get a good copy: dstore get' } };
}

async function checkRemote(dataset: Dataset, remote: ReturnType<typeof findContentRemote>, keys: readonly KeyText[], fast: boolean, run: Run): Promise<Map<KeyText, Verdict>> {
  const opened = remote.open();
  const verdicts = new Map<KeyText, Verdict>();
  const present: KeyText[] = [];
  await opened.check(keys, ({ key, state, error }) => {
    if (state === 'present') present.push(key);
    else verdicts.set(key, { state: state === 'corrupt' ? 'bad' : state, ...(error === undefined ? {} : { error }) });
  }, run);
  if (fast) {
    for (const key of present) verdicts.set(key, { state: 'good' });
    return verdicts;
  }
  // One at a time on disk would be slow, all at once may not fit: in groups.
  for (let start = 0; start < present.length; start += 256) {
    const batch = present.slice(start, start + 256);
    const targets = new Map(batch.map((key) => [key, dataset.scratch.name()]));
    await opened.fetch(batch.map((key) => ({ key, target: targets.get(key)! })), ({ key, state, error }) => {
      verdicts.set(key, { state: state === 'ok' ? 'good' : state === 'corrupt' ? 'bad' : state, ...(error === undefined ? {} : { error }) });
      rmSync(targets.get(key)!, { force: true });
    }, run);
  }
  return verdicts;
}

/** Links of files that were moved lead to the wrong depth. */
function mendLinks(dataset: Dataset, files: readonly AnnexedFile[], run: Run): void {
  const mended: string[] = [];
  for (const { path, key, locked } of files) {
    const absolute = join(dataset.top, path);
    if (!locked || dataset.scratch.isBehindLink(dataset.top, path) || linkOnDisk(absolute) !== key || !(lstatSync(absolute, { throwIfNoEntry: false })?.isSymbolicLink() ?? false)) continue;
    const target = symlinkTarget(path, key);
    if (readlinkSync(absolute) === target) continue;
    replaceLink(dataset, path, target);
    mended.push(path);
  }
  if (mended.length === 0) return;
  run.emit({ type: 'warning', message: `mended ${mended.length} links that led to the wrong place`, hint: 'record them with: dstore save' });
}
