/** The places a dataset knows: this clone, its remotes, and every repository named in the git-annex branch. */
import { parseUuidLog } from '../core/annex-log.ts';
import type { TrustLevel } from '../core/drop-decision.ts';
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { isUuid } from '../core/uuid.ts';
import { parseRemoteConfig } from '../core/remote-log.ts';
import type { RemoteConfig } from '../core/remote-log.ts';
import type { Dataset } from './dataset.ts';

export interface PlaceBook {
  /** UUID → description from uuid.log. */
  readonly descriptions: ReadonlyMap<string, string>;
  /** UUID → special remote configuration from remote.log. */
  readonly specialRemotes: ReadonlyMap<string, RemoteConfig>;
  readonly trust: ReadonlyMap<string, TrustLevel>;
  /** UUID → name of the git remote that reaches it from here. */
  readonly remoteNames: ReadonlyMap<string, string>;
  /** UUID → required content expression. */
  readonly required: ReadonlyMap<string, string>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly files: ReadonlyMap<string, string>;
}

const TOP_FILES = [
  'uuid.log', 'remote.log', 'trust.log', 'group.log', 'required-content.log', 'preferred-content.log', 'group-preferred-content.log',
  'numcopies.log', 'mincopies.log', 'config.log',
] as const;

const TRUST: Readonly<Record<string, TrustLevel>> = { '1': 'trusted', '0': 'untrusted', '?': 'semitrusted', 'X': 'dead' };

/** Reads all small top-level files of the git-annex branch at once. */
export async function readPlaces(dataset: Dataset, op: Op): Promise<PlaceBook> {
  const files = await dataset.branch.read(TOP_FILES, op);
  const values = (name: (typeof TOP_FILES)[number]): [string, string][] =>
    [...parseUuidLog(files.get(name) ?? '')].map(([uuid, { value }]) => [uuid, value]);
  const remoteNames = new Map<string, string>();
  const trust = new Map<string, TrustLevel>();
  for (const [uuid, value] of values('trust.log')) trust.set(uuid, value === '' ? 'trusted' : TRUST[value] ?? 'semitrusted');
  for (const name of dataset.repo.config.sections('remote')) {
    const uuid = dataset.repo.config.get(`remote.${name}.annex-uuid`);
    if (uuid === undefined) continue;
    if (!remoteNames.has(uuid)) remoteNames.set(uuid, name);
    const local = dataset.repo.config.get(`remote.${name}.annex-trustlevel`);
    if (local !== undefined && ['trusted', 'semitrusted', 'untrusted', 'dead'].includes(local)) trust.set(uuid, local as TrustLevel);
  }
  return {
    descriptions: new Map(values('uuid.log')),
    specialRemotes: new Map(values('remote.log').map(([uuid, value]) => [uuid, parseRemoteConfig(value)])),
    trust,
    remoteNames,
    required: new Map(values('required-content.log').filter(([, value]) => value.trim() !== '')),
    groups: new Map(values('group.log').map(([uuid, value]) => [uuid, value.split(' ').filter((word) => word !== '')])),
    files,
  };
}

export function trustOf(book: PlaceBook, uuid: string): TrustLevel {
  return book.trust.get(uuid) ?? 'semitrusted';
}

/** Text by which people know a place: its remote name and description. */
export function placeName(book: PlaceBook, uuid: string, here: string): string {
  const description = book.descriptions.get(uuid);
  if (uuid === here) return description === undefined ? 'here' : `${description} [here]`;
  const name = book.remoteNames.get(uuid);
  if (name === undefined) return description ?? uuid;
  return description === undefined || description === name ? name : `${description} [${name}]`;
}

/** Turns `here`, a remote's name, a UUID or a description into a UUID. */
export async function placeResolver(dataset: Dataset, op: Op): Promise<(name: string) => string> {
  let book: PlaceBook | undefined;
  const load = await readPlaces(dataset, op);
  return (name) => {
    if (name === 'here' || name === '.' || name === dataset.uuid) return dataset.uuid;
    book ??= load;
    const configured = dataset.repo.config.get(`remote.${name}.annex-uuid`);
    if (configured !== undefined) return configured;
    // A published dataset's content lies in the storage remote that its git remote depends on.
    const storage = dataset.repo.config.get(`remote.${name}.datalad-publish-depends`);
    const stored = storage === undefined ? undefined : dataset.repo.config.get(`remote.${storage}.annex-uuid`);
    if (stored !== undefined) return stored;
    if (isUuid(name) && (book.descriptions.has(name) || book.specialRemotes.has(name))) return name;
    const matches = [...book.descriptions].filter(([, description]) => description === name || description.replace(/ \[.*\]$/, '') === name);
    if (matches.length === 1) return matches[0]![0];
    throw new DStoreError('REMOTE_UNKNOWN', matches.length > 1 ? `${name} describes several places` : `${name}: no such place`, {
      hint: 'see the places of this dataset with: dstore remote list',
    });
  };
}
