/**
 * The library: every command of the program as a function.
 *
 * Each takes the input that the command line takes (sizes in bytes, paths relative to `cwd`) and resolves to one record per
 * thing it was asked about, files that failed included: look at `status`. It rejects with a {@link DStoreError} when nothing
 * could be attempted (`NOT_A_DATASET`, `USAGE`, `REMOTE_UNKNOWN`, …) and, with code `ABORTED`, when the signal was aborted; what was
 * finished by then stays finished, was recorded, and was given to `onRecord`.
 *
 * ```js
 * import { get } from 'dstore';
 * const records = await get({ cwd: '/data/study', paths: ['sub-01'], smaller: 100e6 });
 * const missing = records.filter((record) => record.status === 'error');
 * ```
 */
import { DStoreError, isDStoreError, toDStoreError } from './core/errors.ts';
import type { DStoreEvent, ResultRecord } from './core/records.ts';
import type { Run } from './core/run.ts';
import type {
  CloneInput, CreateInput, DropInput, FindInput, FsckInput, GetInput, InfoInput, LockInput, LogInput, Place, PushInput, RemoteListInput, SaveInput,
  StatusInput, StoreAddDatasetInput, StoreInitInput, StoreInput, StoreListInput, UpdateInput, WhereisInput,
} from './core/inputs.ts';

export { DStoreError, ERROR_CODES, EXIT, isDStoreError } from './core/errors.ts';
export type { ErrorCode, ErrorInfo } from './core/errors.ts';
// The formats, as pure functions. What proves that content may be removed is left out: a proof comes from asking, not from calling.
export { backendOf, expectedDigest, hashKey, selectExtension, urlKey, wormKey } from './core/backend.ts';
export type { Backend, HashName } from './core/backend.ts';
export {
  branchPathOfJournalFile, compareClocks, journalFileName, keyOfLocationLogPath, locationLogPath, nextClock, parseMapLog, parsePresenceLog, parseSingleLog,
  parseUuidLog, presentIn, setPresence, setSingleLog, setUuidLog, unionMerge,
} from './core/annex-log.ts';
export type { Clock, Presence, PresenceLog } from './core/annex-log.ts';
export type { CopyEvidence, CopyPolicy, TrustLevel } from './core/drop-decision.ts';
export { fileNameToKey, hashDirLower, hashDirMixed, keySize, keyToFileName, parseKey, printKey, tryParseKey } from './core/key.ts';
export type { Key, KeyText } from './core/key.ts';
export { parseLayoutVersion } from './core/layout-version.ts';
export type { LayoutVersion } from './core/layout-version.ts';
export { objectPathLower, objectPathMixed, storeObjectPaths } from './core/object-path.ts';
export { keyOfPointer, keyOfSymlink, MAX_POINTER_BYTES, pointerText, symlinkTarget } from './core/pointer.ts';
export { parseRemoteConfig, printRemoteConfig } from './core/remote-log.ts';
export type { RemoteConfig } from './core/remote-log.ts';
export { datasetDirectory, parseRiaUrl, parseStoreReference, printRiaUrl } from './core/ria-url.ts';
export type { StoreAddress } from './core/ria-url.ts';
export { formatSize, parseSize } from './core/size.ts';
export { isUuid, UUID_PATTERN } from './core/uuid.ts';
export type { DStoreEvent, JsonObject, JsonValue, ResultRecord } from './core/records.ts';
export type {
  CloneInput, CreateInput, DropInput, DryRun, FindInput, FsckInput, GetInput, InfoInput, LockInput, LogInput, Place, PushInput, RemoteListInput,
  SaveInput, Selection, StatusInput, StoreAddDatasetInput, StoreInitInput, StoreInput, StoreListInput, UpdateInput, WhereisInput,
} from './core/inputs.ts';

export interface CallOptions {
  /** Aborting it stops before the next change; the call then rejects with code `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Progress and warnings while the call runs. Losing one changes nothing. */
  readonly onEvent?: (event: DStoreEvent) => void;
  /** Every record as soon as it is known. */
  readonly onRecord?: (record: ResultRecord) => void;
}

/** An input whose `cwd` may be left out: the current folder of the process. */
export type Input<Full extends Place> = Omit<Full, 'cwd'> & Partial<Place>;

async function call<Full extends Place>(
  action: string,
  load: () => Promise<(input: Full, run: Run) => Promise<void>>,
  input: Input<Full>,
  options: CallOptions,
): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const report = (record: ResultRecord): void => {
    records.push(record);
    options.onRecord?.(record);
  };
  try {
    if (signal.aborted) throw new DStoreError('ABORTED', 'interrupted');
    const operation = await load();
    const full = { ...input, cwd: input.cwd ?? process.cwd() } as unknown as Full;
    await operation(full, { signal, emit: (event) => options.onEvent?.(event), report });
  } catch (error) {
    const known = isDStoreError(error) ? error : toDStoreError(error, action);
    if (records.length === 0 || known.code === 'ABORTED') throw known;
    report({ type: 'result', action, status: 'error', kind: 'dataset', error: known.toInfo() });
  }
  return records;
}

/**
 * Makes a new dataset in `directory`, or, with `force`, one of a folder that has files.
 * @throws DStoreError ALREADY_EXISTS, CONFIG_INVALID, PERMISSION
 */
export function create(input: Input<CreateInput>, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<CreateInput>('create', async () => (await import('./ops/create.ts')).create, input, options);
}

/**
 * Records changes in one commit; without `paths`, all of them. One record per file, and one of the dataset,
 * with `details.commit` when there was something to save.
 * @throws DStoreError NOT_A_DATASET, PATH_OUTSIDE, CONFIG_INVALID, LOCKED
 */
export function save(input: Input<SaveInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<SaveInput>('save', async () => (await import('./ops/save.ts')).save, input, options);
}

/**
 * One record per path that differs from the last save: `details.state` is `added`, `modified`, `deleted`, `untracked`, `renamed`,
 * `conflict` or `typechange`, `details.staged` whether git's index has it.
 * @throws DStoreError NOT_A_DATASET, PATH_OUTSIDE, GIT_CORRUPT
 */
export function status(input: Input<StatusInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<StatusInput>('status', async () => (await import('./ops/status.ts')).status, input, options);
}

/**
 * Makes a lightweight clone: names and history, no content. The record's `dataset` is the absolute path of the clone.
 * @throws DStoreError ALREADY_EXISTS, URL_INVALID, NOT_A_STORE, DATASET_UNKNOWN, STORE_VERSION, REMOTE_UNAVAILABLE
 */
export function clone(input: Input<CloneInput>, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<CloneInput>('clone', async () => (await import('./ops/clone.ts')).clone, input, options);
}

/**
 * Fetches content; every byte is checked against its key. One record per file: `bytes` is its size, `remote` who gave it;
 * `notneeded` when it was here already. Calling it again after an interruption continues.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX, PATH_OUTSIDE, REMOTE_UNKNOWN
 */
export function get(input: Input<GetInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<GetInput>('get', async () => (await import('./ops/get.ts')).get, input, options);
}

/**
 * Removes content of which enough other copies were verified just now. A refusal is a record with status `impossible` and
 * code `DSTORE_E_DROP_UNSAFE` or `DSTORE_E_REQUIRED_CONTENT`.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX, PATH_OUTSIDE, REMOTE_UNKNOWN
 */
export function drop(input: Input<DropInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<DropInput>('drop', async () => (await import('./ops/drop.ts')).drop, input, options);
}

/**
 * Publishes content, then history, to a store or git remote. Records of kind `file` for content and `ref` for history.
 * @throws DStoreError NOT_A_STORE, ALIAS_TAKEN, REMOTE_UNKNOWN, REMOTE_UNAVAILABLE, REMOTE_READONLY
 */
export function push(input: Input<PushInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<PushInput>('push', async () => (await import('./ops/push.ts')).push, input, options);
}

/**
 * Fetches and merges what others have pushed; content is not fetched.
 * @throws DStoreError MODIFIED, CONFLICT, REMOTE_UNKNOWN, REMOTE_UNAVAILABLE, ADJUSTED_BRANCH
 */
export function update(input: Input<UpdateInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<UpdateInput>('update', async () => (await import('./ops/update.ts')).update, input, options);
}

/**
 * Makes annexed files read-only links again.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX, PATH_OUTSIDE
 */
export function lock(input: Input<LockInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<LockInput>('lock', async () => (await import('./ops/lock.ts')).lock, input, options);
}

/**
 * Makes annexed files editable in place.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX, PATH_OUTSIDE
 */
export function unlock(input: Input<LockInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<LockInput>('unlock', async () => (await import('./ops/lock.ts')).unlock, input, options);
}

/**
 * Which places have the content of files, from the location log: `details.copies` is a list of
 * `{ uuid, description, here, remote?, trust }`. Nobody is asked.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX, PATH_OUTSIDE, REMOTE_UNKNOWN
 */
export function whereis(input: Input<WhereisInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<WhereisInput>('whereis', async () => (await import('./ops/whereis.ts')).whereis, input, options);
}

/**
 * Annexed files by place, size and name: `path`, `key`, `bytes`, and `details.here`.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX, PATH_OUTSIDE, REMOTE_UNKNOWN
 */
export function find(input: Input<FindInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<FindInput>('find', async () => (await import('./ops/find.ts')).find, input, options);
}

/**
 * Facts about the dataset, a path or a remote, in `details`.
 * @throws DStoreError NOT_A_DATASET, PATH_UNKNOWN
 */
export function info(input: Input<InfoInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<InfoInput>('info', async () => (await import('./ops/info.ts')).info, input, options);
}

/**
 * Checks content against its keys and repairs what the location log says. What does not match is set aside: status `error`, code
 * `DSTORE_E_CONTENT_CORRUPT`.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX, REMOTE_UNKNOWN
 */
export function fsck(input: Input<FsckInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<FsckInput>('fsck', async () => (await import('./ops/fsck.ts')).fsck, input, options);
}

/**
 * Commits, newest first: `details` is `{ commit, author, date, subject }`, the date in ISO 8601.
 * @throws DStoreError NOT_A_DATASET, GIT_CORRUPT
 */
export function log(input: Input<LogInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<LogInput>('log', async () => (await import('./ops/log.ts')).log, input, options);
}

/**
 * The places this clone knows: `remote` is the name, `details` has `type`, `where`, `cost`, `uuid` and `trust`.
 * @throws DStoreError NOT_A_DATASET, NO_ANNEX
 */
export function remoteList(input: Input<RemoteListInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<RemoteListInput>('remote.list', async () => (await import('./ops/remote-list.ts')).remoteList, input, options);
}

/**
 * Makes a new store with one shard.
 * @throws DStoreError ALREADY_EXISTS, PERMISSION, READ_ONLY
 */
export function storeInit(input: Input<StoreInitInput>, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<StoreInitInput>('store.init', async () => (await import('./ops/store-init.ts')).storeInit, input, options);
}

/**
 * Facts about a store, in `details`.
 * @throws DStoreError NOT_A_STORE, STORE_VERSION, STORE_CORRUPT, REMOTE_UNAVAILABLE
 */
export function storeInfo(input: Input<StoreInput>, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<StoreInput>('store.info', async () => (await import('./ops/store-info.ts')).storeInfo, input, options);
}

/**
 * The datasets of a store (`details.id`, `details.alias`), or, without `store`, the stores that have a short name.
 * @throws DStoreError NOT_A_STORE, STORE_VERSION, REMOTE_UNAVAILABLE
 */
export function storeList(input: Input<StoreListInput> = {}, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<StoreListInput>('store.list', async () => (await import('./ops/store-list.ts')).storeList, input, options);
}

/**
 * Prepares a place for the dataset at `cwd` in a store, without sending anything.
 * @throws DStoreError NOT_A_STORE, ALIAS_TAKEN, NOT_A_DATASET, PERMISSION
 */
export function storeAddDataset(input: Input<StoreAddDatasetInput>, options: CallOptions = {}): Promise<ResultRecord[]> {
  return call<StoreAddDatasetInput>('store.add-dataset', async () => (await import('./ops/store-add-dataset.ts')).storeAddDataset, input, options);
}
