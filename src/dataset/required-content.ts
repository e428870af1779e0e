/** Required content: what a place must keep, whatever copies exist elsewhere (git-annex's required-content.log). */
import { STANDARD_GROUPS, parseExpression } from '../core/expression.ts';
import { parseMapLog } from '../core/annex-log.ts';
import { backendOf } from '../core/backend.ts';
import type { KeyText } from '../core/key.ts';
import { keySize, parseKey } from '../core/key.ts';
import type { Op } from '../core/op.ts';
import type { AnnexedFile } from './annexed-files.ts';
import type { Dataset } from './dataset.ts';
import { readLocations } from './locations.ts';
import { trustOf } from './places.ts';
import type { PlaceBook } from './places.ts';

/** Keys that the place `uuid` must keep. What cannot be evaluated counts as required: a wrong guess would lose data. */
export async function requiredKeys(
  dataset: Dataset, book: PlaceBook, uuid: string, keys: readonly KeyText[], users: ReadonlyMap<KeyText, readonly AnnexedFile[]>, op: Op,
): Promise<Set<KeyText>> {
  const source = book.required.get(uuid);
  if (source === undefined || keys.length === 0) return new Set();
  const groups = book.groups.get(uuid) ?? [];
  const standard = groups.map((group) => STANDARD_GROUPS[group]).find((text) => text !== undefined);
  const wanted = parseMapLog(book.files.get('group-preferred-content.log') ?? '');
  const groupWanted = groups.map((group) => wanted.get(group)?.value).find((text) => text !== undefined && text !== '');
  const text = source.trim() === 'standard' ? standard ?? 'anything' : source.trim() === 'groupwanted' ? groupWanted ?? standard ?? 'anything' : source;
  if (/\b(metadata|standard|groupwanted|balanced|fullybalanced|sizebalanced)\b/.test(text)) return new Set(keys);
  const expression = parseExpression(text, 'preferred');
  const locations = await readLocations(dataset, keys, op);
  const membersOf = (group: string): string[] => [...book.groups].filter(([, names]) => names.includes(group)).map(([member]) => member);
  const required = new Set<KeyText>();
  for (const key of keys) {
    // Evaluated as if the copy were already gone.
    const others = (locations.get(key) ?? []).filter((other) => other !== uuid && trustOf(book, other) !== 'dead');
    const backend = parseKey(key).backend;
    const copies = (trust?: string, group?: string): number => others.filter((other) =>
      (trust === undefined ? trustOf(book, other) !== 'untrusted' : matchesTrust(trustOf(book, other), trust)) && (group === undefined || (book.groups.get(other) ?? []).includes(group))).length;
    for (const { path } of users.get(key) ?? []) {
      const matches = expression.matches({
        path, size: keySize(key), key, backend, copies,
        secureHash: backendOf(backend)?.cryptographicallySecure ?? false,
        present: () => false,
        inAllGroup: (group) => membersOf(group).every((member) => others.includes(member)),
        onlyInGroup: (group) => others.every((other) => (book.groups.get(other) ?? []).includes(group)),
        lackingCopies: (count) => others.length < count,
        unused: false,
        inPreferredDir: () => path.split('/').includes(preferredDirectory(book, uuid)),
      });
      if (matches) required.add(key);
    }
  }
  return required;
}

function matchesTrust(level: string, wanted: string): boolean {
  const order = ['untrusted', 'semitrusted', 'trusted'];
  return wanted.endsWith('+') ? order.indexOf(level) >= order.indexOf(wanted.slice(0, -1)) : level === wanted;
}

function preferredDirectory(book: PlaceBook, uuid: string): string {
  return book.specialRemotes.get(uuid)?.['preferreddir'] ?? 'public';
}
