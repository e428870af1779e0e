/** Publishes: content first, then the git-annex branch merged, then the branch. Many writers may push at the same time. */
import { join } from 'node:path';
import type { ErrorInfo } from '../core/errors.ts';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { keySize } from '../core/key.ts';
import { checkAborted } from '../core/op.ts';
import type { Run } from '../core/run.ts';
import { byKey, shownPath } from '../dataset/annexed-files.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { refuseAdjustedBranch, sharedMode } from '../dataset/dataset.ts';
import { readLocations, recordLocations } from '../dataset/locations.ts';
import { alreadyRecorded, noteRecorded } from '../dataset/recorded-push.ts';
import type { LocationChange } from '../dataset/locations.ts';
import { isInstalled } from '../dataset/nested.ts';
import { readPlaces } from '../dataset/places.ts';
import { contentRemotes, gitDirectoryOf, localPath } from '../dataset/remotes.ts';
import type { ContentRemote } from '../dataset/remotes.ts';
import { withChanges } from '../dataset/unfinished.ts';
import { resolveStore, storeNames } from '../dataset/store-names.ts';
import { filesOfTree } from '../dataset/tree-files.ts';
import { editConfig } from '../git/config.ts';
import { openRepository } from '../git/repository.ts';
import type { StoreRequest } from '../remote/remote.ts';
import { openStore } from '../store/store.ts';
import { connectToStore, hasWorkTree, remoteForStore } from '../transfer/publish.ts';
import { sleepRandom } from '../io/clock.ts';
import type { PushInput } from '../core/inputs.ts';

const SUBMODULE = 0o160000;
const PUSH_ATTEMPTS = 12;

export async function push(input: PushInput, run: Run): Promise<void> {
  await withChanges(input, run, async (dataset) => {
    refuseAdjustedBranch(dataset.repo, 'push');
    if (input.recursive === true) await pushNested(dataset, input, run);
    const head = dataset.repo.head();
    if (head.oid === undefined) throw new DStoreError('USAGE', 'nothing is saved yet', { hint: 'save first: dstore save' });
    const target = await resolveTarget(dataset, input, run);
    if (target === undefined) return await previewPublication(dataset, input.to ?? '', run);
    const contentComplete = await pushContent(dataset, target, input, run);
    if (!contentComplete) {
      throw new DStoreError('REMOTE_UNAVAILABLE', `some content could not be stored in ${target}; the branch was not published, since it would name files that nobody can get`, {
        hint: 'mend what is reported above and run the command again: dstore push',
      });
    }
    if (input.dryRun !== true) await pushHistory(dataset, target, head.branch, run);
  });
}

async function pushNested(dataset: Dataset, input: PushInput, run: Run): Promise<void> {
  const { alias: _outer, ...inherited } = input;
  for (const entry of dataset.repo.readIndex().entries) {
    if ((entry.mode & 0o170000) !== SUBMODULE || !isInstalled(dataset.top, entry.path)) continue;
    await push({ ...inherited, cwd: join(dataset.top, entry.path), ...(input.to?.startsWith('.') === true ? { to: join(input.cwd, input.to) } : {}) }, run);
  }
}

/** The git remote to push to; a store that is named for the first time is connected, except in a dry run, which then gives undefined. */
async function resolveTarget(dataset: Dataset, input: PushInput, run: Run): Promise<string | undefined> {
  const { config } = dataset.repo;
  const remotes = config.sections('remote').filter((name) => config.get(`remote.${name}.url`) !== undefined);
  if (input.to !== undefined) {
    if (remotes.includes(input.to)) return input.to;
    const store = openStore(resolveStore(input.to, input.cwd).path);
    if (input.dryRun === true) return remoteForStore(dataset, store);
    const shortName = storeNames(input.cwd).has(input.to) ? input.to : undefined;
    const shared = input.shared === undefined ? undefined : sharedMode(input.shared);
    return await connectToStore(dataset, store, { alias: input.alias, shared, name: shortName }, run);
  }
  const { branch } = dataset.repo.head();
  const configured = (branch === undefined ? undefined : config.get(`branch.${branch}.pushremote`)) ?? config.get('remote.pushdefault')
    ?? (branch === undefined ? undefined : config.get(`branch.${branch}.remote`));
  if (configured !== undefined && remotes.includes(configured)) return configured;
  const published = remotes.filter((name) => config.get(`remote.${name}.datalad-publish-depends`) !== undefined);
  if (published.length === 1) return published[0]!;
  if (remotes.length === 1) return remotes[0]!;
  throw new DStoreError('USAGE', remotes.length === 0 ? 'this dataset is not published anywhere yet' : `this dataset has several remotes: ${remotes.join(', ')}`, {
    hint: remotes.length === 0 ? 'name a store: dstore push --to STORE' : `name one: dstore push --to ${remotes[0]!}`,
  });
}

/** What publishing for the first time would bring: everything that is here. */
async function previewPublication(dataset: Dataset, store: string, run: Run): Promise<void> {
  for (const [key, files] of byKey(await filesOfTree(dataset, 'HEAD', run))) {
    if (dataset.objects.find(key) === undefined) continue;
    let bytes = keySize(key) ?? 0;
    for (const { path } of files) {
      run.report({ type: 'result', action: 'push', kind: 'file', status: 'ok', dryRun: true, path: shownPath(dataset.prefix, path), key, bytes, dataset: dataset.top });
      bytes = 0;
    }
  }
  run.report({ type: 'result', action: 'push', kind: 'dataset', status: 'ok', dryRun: true, path: '.', dataset: dataset.top, message: `would be published to ${store} for the first time` });
}

/** Returns false when some content that is here could not be stored. */
async function pushContent(dataset: Dataset, target: string, input: PushInput, run: Run): Promise<boolean> {
  const book = await readPlaces(dataset, run);
  const remotes = contentRemotes(dataset, book);
  const depends = dataset.repo.config.getAll(`remote.${target}.datalad-publish-depends`);
  const goals = remotes.filter(({ name }) => depends.includes(name) || name === target);
  if (goals.length === 0) {
    run.emit({ type: 'warning', message: `${target} takes no content; only the history is pushed` });
    return true;
  }
  const files = await filesOfTree(dataset, 'HEAD', run);
  let complete = true;
  for (const goal of goals) complete = (await storeKeys(dataset, goal, files, input.dryRun ?? false, run)) && complete;
  return complete;
}

async function storeKeys(dataset: Dataset, goal: ContentRemote, files: readonly { path: string; key: KeyText }[], dryRun: boolean, run: Run): Promise<boolean> {
  const remote = goal.open();
  remote.requireWritable?.();
  if (remote.store === undefined || remote.readOnly) {
    throw new DStoreError('REMOTE_READONLY', `${goal.name} does not accept content`, { hint: 'push to another place: dstore push --to STORE' });
  }
  const groups = byKey(files);
  const keys = [...groups.keys()];
  const absent: KeyText[] = [];
  const present: KeyText[] = [];
  let complete = true;
  const report = (key: KeyText, result: { status: 'ok' | 'notneeded' | 'impossible' | 'error'; bytes?: number; message?: string; error?: ErrorInfo; dryRun?: boolean }): void => {
    let { bytes } = result;
    for (const { path } of groups.get(key) ?? []) {
      run.report({ type: 'result', action: 'push', kind: 'file', path: shownPath(dataset.prefix, path), key, dataset: dataset.top, remote: goal.name, ...result, ...(bytes === undefined ? {} : { bytes }) });
      if (bytes !== undefined) bytes = 0;
    }
  };
  await remote.check(keys, ({ key, state, error }) => {
    if (state === 'present') present.push(key);
    else if (state === 'absent') absent.push(key);
    else {
      complete = false;
      report(key, { status: 'error', error: error ?? { code: 'DSTORE_E_REMOTE_UNAVAILABLE', message: `${goal.name} could not be asked` } });
    }
  }, run);
  const requests: StoreRequest[] = [];
  for (const key of absent) {
    const object = dataset.objects.find(key);
    // What this clone never had is not its to bring: others have it, or nobody.
    if (object === undefined) report(key, { status: 'notneeded', message: 'not here, and not there' });
    else requests.push({ key, source: object.path });
  }
  if (dryRun) {
    for (const { key } of requests) report(key, { status: 'ok', bytes: keySize(key) ?? 0, dryRun: true });
    return complete;
  }
  for (const key of present) report(key, { status: 'notneeded', message: 'already there' });
  const stored: KeyText[] = [];
  let finished = 0;
  run.emit({ type: 'plan', action: 'push', files: requests.length, bytes: requests.reduce((sum, { key }) => sum + (keySize(key) ?? 0), 0) });
  try {
    if (requests.length > 0) {
      await remote.store(requests, ({ key, state, bytes, error }) => {
        finished++;
        if (state === 'ok' || state === 'present') {
          stored.push(key);
          report(key, { status: 'ok', bytes });
        } else {
          complete = false;
          report(key, { status: 'error', ...(error === undefined ? {} : { error }) });
        }
      }, run, (bytes) => run.emit({ type: 'progress', files: finished, bytes }));
    }
  } finally {
    await recordStored(dataset, remote.uuid, stored, present, run);
  }
  return complete;
}

/** Records what was stored now, and what was found there without being on record. */
async function recordStored(dataset: Dataset, uuid: string, stored: readonly KeyText[], present: readonly KeyText[], run: Run): Promise<void> {
  const changes: LocationChange[] = stored.map((key) => ({ key, uuid, status: '1' }));
  if (present.length > 0 && !alreadyRecorded(dataset, uuid)) {
    const locations = await readLocations(dataset, present, run);
    for (const key of present) if (!(locations.get(key) ?? []).includes(uuid)) changes.push({ key, uuid, status: '1' });
  }
  await recordLocations(dataset, changes, run);
  noteRecorded(dataset, uuid);
}

async function pushHistory(dataset: Dataset, target: string, branch: string | undefined, run: Run): Promise<void> {
  const { repo } = dataset;
  if (branch === undefined) {
    throw new DStoreError('USAGE', 'HEAD is not on a branch, so there is nothing to publish under', { hint: 'put your commits on a branch: git switch -c NAME' });
  }
  const worktree = hasWorkTree(dataset, target);
  const refs = worktree
    ? [`refs/heads/${branch}:refs/heads/synced/${branch}`, '+refs/heads/git-annex:refs/heads/synced/git-annex']
    : [`refs/heads/${branch}:refs/heads/${branch}`, 'refs/heads/git-annex:refs/heads/git-annex'];
  const report = (ref: string, status: 'ok' | 'notneeded', message?: string): void => {
    run.report({ type: 'result', action: 'push', kind: 'ref', status, path: ref, remote: target, dataset: dataset.top, ...(message === undefined ? {} : { message }) });
  };
  for (let attempt = 1; ; attempt++) {
    checkAborted(run);
    if (!worktree) await takeTheirLog(dataset, target, run);
    const there = readTheirRefs(dataset, target);
    const pending = refs.filter((refspec) => {
      const [from, to] = refspec.replace(/^\+/, '').split(':') as [string, string];
      const same = there !== undefined && there.get(to) === repo.readRef(from);
      if (same) report(to, 'notneeded', 'up to date');
      return !same;
    });
    if (pending.length === 0) break;
    run.emit({ type: 'phase', name: 'publishing' });
    const results = await repo.push(target, pending, run);
    const rejected = results.filter(({ status }) => status === 'rejected' || status === 'error');
    for (const { ref, status, message } of results) if (!rejected.some((other) => other.ref === ref)) report(ref, status === 'uptodate' ? 'notneeded' : 'ok', message);
    if (rejected.length === 0) break;
    const own = rejected.find(({ ref }) => !ref.endsWith('/git-annex'));
    if (own !== undefined) {
      throw new DStoreError('PUSH_REJECTED', `${target} did not take ${own.ref.replace('refs/heads/', '')}: ${own.message}`, {
        hint: own.status === 'rejected' ? 'take their changes first: dstore update; then push again' : undefined,
      });
    }
    // Somebody else published locations in between: theirs are merged with ours, and the branch is offered again.
    if (attempt === PUSH_ATTEMPTS) {
      throw new DStoreError('PUSH_REJECTED', `${target} keeps changing: the location log could not be published in ${PUSH_ATTEMPTS} attempts`, { hint: 'run the command again: dstore push' });
    }
    run.emit({ type: 'waiting', what: `others who push to ${target}` });
    await sleepRandom(attempt * 50, run.signal);
  }
  const { config } = repo;
  if (config.get(`branch.${branch}.remote`) === undefined && !worktree) {

    editConfig(join(repo.commonDir, 'config'), [{ name: `branch.${branch}.remote`, value: target }, { name: `branch.${branch}.merge`, value: `refs/heads/${branch}` }]);
    repo.reloadConfig();
  }
}

/** Fetches their location log when it is ahead of what we have merged. */
async function takeTheirLog(dataset: Dataset, target: string, run: Run): Promise<void> {
  const { repo } = dataset;
  const there = readTheirRefs(dataset, target) ?? (await repo.listRemoteRefs(target, run));
  const theirs = there.get('refs/heads/git-annex');
  if (theirs === undefined || theirs === repo.readRef('refs/heads/git-annex')) return;
  if (theirs !== repo.readRef(`refs/remotes/${target}/git-annex`)) await repo.fetch(target, [`+refs/heads/git-annex:refs/remotes/${target}/git-annex`], run);
  await dataset.branch.mergeRefs(run);
}

/** Refs of a remote on this machine, read directly; undefined when it is elsewhere. */
function readTheirRefs(dataset: Dataset, target: string): Map<string, string> | undefined {
  const url = dataset.repo.config.get(`remote.${target}.pushurl`) ?? dataset.repo.config.get(`remote.${target}.url`);
  const path = url === undefined ? undefined : localPath(url, dataset.top);
  if (path === undefined) return undefined;
  if (gitDirectoryOf(path) === undefined) {
    throw new DStoreError('REMOTE_UNAVAILABLE', `${target}: there is no repository at ${path}`, { hint: 'check that the file system is mounted, then run the command again', retryable: true });
  }
  try {
    const theirs = openRepository(path);
    const refs = theirs.listRefs('refs/heads/');
    void theirs.close();
    return refs;
  } catch (error) {
    if (isDStoreError(error) && error.code === 'GIT_UNSUPPORTED') return undefined;
    throw error;
  }
}
