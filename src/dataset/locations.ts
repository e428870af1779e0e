/** Location log: which repositories and special remotes are recorded to have a key. Never evidence for removing anything. */
import type { Presence } from '../core/annex-log.ts';
import { locationLogPath, presentIn, setPresence } from '../core/annex-log.ts';
import type { KeyText } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import type { ObjectWriter } from '../git/objects.ts';
import { annexClock } from '../io/clock.ts';
import type { Dataset } from './dataset.ts';
import type { BranchEdit } from './annex-branch.ts';

export interface LocationChange {
  readonly key: KeyText;
  readonly uuid: string;
  readonly status: Presence;
}

/** Keys whose logs are read at a time. */
const READ_KEYS = 16384;

/** UUIDs recorded to have each key. */
export async function readLocations(dataset: Dataset, keys: readonly KeyText[], op: Op): Promise<Map<KeyText, string[]>> {
  const unique = [...new Set(keys)];
  const locations = new Map<KeyText, string[]>();
  // The same few UUIDs and few combinations of them occur a million times; each is kept once.
  const shared = new Map<string, string[]>();
  for (let start = 0; start < unique.length; start += READ_KEYS) {
    const part = unique.slice(start, start + READ_KEYS);
    const contents = await dataset.branch.read(part.map(locationLogPath), op);
    for (const key of part) {
      const places = presentIn(contents.get(locationLogPath(key)) ?? '');
      const name = places.join(' ');
      const known = shared.get(name);
      if (known === undefined) shared.set(Buffer.from(name).toString(), places.map((uuid) => Buffer.from(uuid).toString()));
      locations.set(key, known ?? shared.get(name)!);
    }
  }
  return locations;
}

/** The edits of the git-annex branch for a set of changes: one for all keys that get the same line. */
export function locationEdits(changes: readonly LocationChange[]): BranchEdit[] {
  const clock = annexClock();
  const groups = new Map<string, { info: string; status: Presence; paths: string[] }>();
  for (const { key, uuid, status } of changes) {
    const name = `${status} ${uuid}`;
    let group = groups.get(name);
    if (group === undefined) groups.set(name, group = { info: uuid, status, paths: [] });
    group.paths.push(locationLogPath(key));
  }
  return [...groups.values()].map(({ info, status, paths }) => ({ paths, edit: (current) => setPresence(current, [{ info, status }], clock) }));
}

/** Records changes in one commit of the git-annex branch. Called after the bytes are in place, or gone. */
export async function recordLocations(dataset: Dataset, changes: readonly LocationChange[], op: Op, writer?: ObjectWriter): Promise<void> {
  if (changes.length === 0) return dataset.scratch.recorded();
  // What happened on disk is recorded even when the user has interrupted the command: the record describes a fact.
  const record: Op = { signal: new AbortController().signal, emit: (event) => op.emit(event) };
  record.emit({ type: 'phase', name: 'recording' });
  await dataset.branch.update(locationEdits(changes), record, writer === undefined ? {} : { writer });
  dataset.scratch.recorded();
}
