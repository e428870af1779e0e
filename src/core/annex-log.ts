/**
 * Files of the git-annex branch: line sets with time stamps. Formats: git-annex's internals page, SPEC.md section "Location log".
 *
 * Texts are decoded UTF-8. {@link unionMerge} gives the same bytes for texts decoded as latin1, which keeps logs that are not valid
 * UTF-8 intact.
 */
import { fileNameToKey, hashDirLower, keyToFileName, normalizeKey } from './key.ts';
import { compareUtf8 } from './utf8.ts';
import type { KeyText } from './key.ts';

/** Seconds since the epoch with at most twelve fractional digits and an `s` behind, e.g. `1700000000.5s`. */
export type Clock = string;

/** sign, seconds, fraction */
const CLOCK_PATTERN = /^([+-]?)(\d+)(?:\.(\d+))?s?$/;
const FRACTION_DIGITS = 12;

/** A clock in picoseconds; undefined when the text is no clock. */
function clockValue(text: string): bigint | undefined {
  const match = CLOCK_PATTERN.exec(text);
  if (match === null) return undefined;
  const fraction = BigInt((match[3] ?? '').slice(0, FRACTION_DIGITS).padEnd(FRACTION_DIGITS, '0'));
  const seconds = BigInt(match[2] as string) * 1_000_000_000_000n;
  // git-annex reads -0.5s as 0.5s: the sign belongs to the seconds, and there is no -0.
  return match[1] === '-' && seconds !== 0n ? -(seconds + fraction) : seconds + fraction;
}

function printClock(value: bigint): Clock {
  const sign = value < 0n ? '-' : '';
  const absolute = value < 0n ? -value : value;
  const fraction = (absolute % 1_000_000_000_000n).toString().padStart(FRACTION_DIGITS, '0').replace(/0+$/, '');
  return `${sign}${absolute / 1_000_000_000_000n}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** Whole seconds as git-annex prints them: the form that nearly all clocks have. */
const PLAIN_CLOCK = /^[1-9]\d*(?:\.\d{0,11}[1-9])?s$/;

/** The clock as git-annex rewrites it: no plus sign, no surplus zeros, an `s` behind. Undefined when the text is no clock. */
function normalizeClock(text: string): Clock | undefined {
  if (PLAIN_CLOCK.test(text)) return text;
  const value = clockValue(text);
  return value === undefined ? undefined : printClock(value);
}

/** Orders clocks by time: negative, zero or positive. A text that is no clock is older than any. */
export function compareClocks(a: Clock, b: Clock): number {
  if (a === b) return 0;
  const x = clockValue(a);
  const y = clockValue(b);
  if (x === undefined || y === undefined) return (x === undefined ? 0 : 1) - (y === undefined ? 0 : 1);
  if (x === y) return 0;
  return x < y ? -1 : 1;
}

/** The clock for a value that replaces one of clock `previous`: `now`, or one second after `previous` where that is not in the past. */
export function nextClock(now: Clock, previous: Clock | undefined): Clock {
  const present = clockValue(now) ?? 0n;
  const before = previous === undefined ? undefined : clockValue(previous);
  return printClock(before !== undefined && before >= present ? before + 1_000_000_000_000n : present);
}

/** Lines end in CR, LF or any mix of them. */
function splitLines(content: string): string[] {
  return content.split(/[\r\n]+/);
}

// ---- presence logs: `CLOCK STATUS INFO` ----

/** `1` present, `0` missing, `X` gone for good. */
export type Presence = '1' | '0' | 'X';

/** info (a repository UUID or a URL) → newest statement about it. */
export interface PresenceLog { readonly entries: ReadonlyMap<string, { clock: Clock; status: Presence }> }

interface PresenceEntry { clock: Clock; status: Presence }

/** Calls `each` for the lines that parse, from the last to the first. Clocks are passed as written. */
function eachPresenceLine(content: string, each: (info: string, status: Presence, clock: string) => void): void {
  for (let end = content.length; end > 0;) {
    let start = end;
    while (start > 0) {
      const code = content.charCodeAt(start - 1);
      if (code === 10 || code === 13) break;
      start--;
    }
    const space = content.indexOf(' ', start);
    if (space > start && space + 3 < end && content.charCodeAt(space + 2) === 32) {
      const status = content.charAt(space + 1);
      const clock = content.slice(start, space);
      if ((status === '1' || status === '0' || status === 'X') && CLOCK_PATTERN.test(clock)) {
        each(content.slice(space + 3, end), status, clock);
      }
    }
    end = start - 1;
  }
}

function readPresence(content: string): Map<string, PresenceEntry> {
  const entries = new Map<string, PresenceEntry>();
  // From the last line to the first, equal clocks replacing: of equal clocks the line that comes first in the file counts.
  eachPresenceLine(content, (info, status, clock) => {
    const known = entries.get(info);
    if (known === undefined) entries.set(info, { clock, status });
    else if (compareClocks(known.clock, clock) <= 0) Object.assign(known, { clock, status });
  });
  return entries;
}

/**
 * Reads a presence log (`.log`, `.log.web`, `.log.ek`). Lines that do not parse are skipped. For every info the highest clock counts,
 * of equal clocks the line that comes first.
 */
export function parsePresenceLog(content: string): PresenceLog {
  return { entries: readPresence(content) };
}

/** The infos whose newest status is `1`. */
export function presentIn(content: string): string[] {
  const present: string[] = [];
  for (const [info, { status }] of readPresence(content)) if (status === '1') present.push(info);
  return present.length > 1 ? present.reverse() : present;
}

/**
 * Sets the status of several infos. The result has one line per info, sorted by info, and nothing that did not parse.
 * @returns the new content; undefined when every info has its status already
 */
export function setPresence(content: string, changes: readonly { info: string; status: Presence }[], now: Clock): string | undefined {
  const entries = readPresence(content);
  let changed = false;
  for (const { info, status } of changes) {
    const known = entries.get(info);
    if (known?.status === status) continue;
    entries.set(info, { clock: nextClock(now, known?.clock), status });
    changed = true;
  }
  if (!changed) return undefined;
  const sorted = [...entries].sort(([a], [b]) => compareUtf8(a, b));
  return sorted.map(([info, { clock, status }]) => `${normalizeClock(clock) as string} ${status} ${info}\n`).join('');
}

// ---- uuid logs: `UUID VALUE timestamp=CLOCK` ----

/** Reads uuid.log, remote.log, trust.log, …: the highest clock counts, of equal clocks the later line; a line without clock is oldest. */
export function parseUuidLog(content: string): ReadonlyMap<string, { value: string; clock: Clock | undefined }> {
  return readUuidLog(content);
}

function readUuidLog(content: string): Map<string, { value: string; clock: Clock | undefined }> {
  const entries = new Map<string, { value: string; clock: Clock | undefined }>();
  for (const line of splitLines(content)) {
    const space = line.indexOf(' ');
    const uuid = space < 0 ? line : line.slice(0, space);
    if (uuid === '') continue;
    // Starts with the space before the value, so that a line with an empty value and a clock is seen as such.
    let rest = space < 0 ? '' : line.slice(space);
    let clock: Clock | undefined;
    const stamp = rest.lastIndexOf(' timestamp=');
    if (stamp >= 0) {
      clock = normalizeClock(rest.slice(stamp + ' timestamp='.length));
      if (clock !== undefined) rest = rest.slice(0, stamp);
    }
    const known = entries.get(uuid);
    if (known !== undefined && known.clock !== undefined && (clock === undefined || compareClocks(known.clock, clock) > 0)) continue;
    entries.set(uuid, { value: rest.slice(1), clock });
  }
  return entries;
}

/** Sets the value of one UUID; always with a new clock. Line breaks in the value become spaces, as they would break the file. */
export function setUuidLog(content: string, uuid: string, value: string, now: Clock): string {
  const entries = readUuidLog(content);
  entries.set(uuid, { value: value.replace(/[\r\n]+/g, ' '), clock: nextClock(now, entries.get(uuid)?.clock) });
  const sorted = [...entries].sort(([a], [b]) => compareUtf8(a, b));
  return sorted.map(([id, entry]) => `${id} ${entry.value}${entry.clock === undefined ? '' : ` timestamp=${entry.clock}`}\n`).join('');
}

// ---- map logs: `CLOCK FIELD VALUE` ----

/** Reads config.log, group-preferred-content.log, chunk and export logs: the highest clock counts, of equal clocks the later line. */
export function parseMapLog(content: string): ReadonlyMap<string, { value: string; clock: Clock }> {
  const entries = new Map<string, { value: string; clock: Clock }>();
  for (const line of splitLines(content)) {
    const match = /^(\S+) ([^ ]+) (.*)$/.exec(line);
    const clock = match === null ? undefined : normalizeClock(match[1] as string);
    if (match === null || clock === undefined) continue;
    const field = match[2] as string;
    const known = entries.get(field);
    if (known === undefined || compareClocks(known.clock, clock) <= 0) entries.set(field, { value: match[3] as string, clock });
  }
  return entries;
}

// ---- single-value logs: `CLOCK NUMBER` ----

function readSingleLog(content: string): { value: string; clock: Clock } | undefined {
  let newest: { value: string; clock: Clock } | undefined;
  for (const line of splitLines(content)) {
    const match = /^(\S+) +(-?\d+) *$/.exec(line);
    const clock = match === null ? undefined : normalizeClock(match[1] as string);
    if (match === null || clock === undefined) continue;
    const value = match[2] as string;
    const order = newest === undefined ? 1 : compareClocks(clock, newest.clock);
    if (newest === undefined || order > 0 || (order === 0 && BigInt(value) > BigInt(newest.value))) newest = { value, clock };
  }
  return newest;
}

/** Reads numcopies.log or mincopies.log: the number with the highest clock, of equal clocks the largest. It may be below 1. */
export function parseSingleLog(content: string): string | undefined {
  return readSingleLog(content)?.value;
}

/** New content with one line; undefined when the value is set already. */
export function setSingleLog(content: string, value: string, now: Clock): string | undefined {
  const newest = readSingleLog(content);
  return newest?.value === value ? undefined : `${nextClock(now, newest?.clock)} ${value}\n`;
}

// ---- merging ----

/** Lines end in LF alone here: a merge keeps bytes, carriage returns included. */
function lineSet(content: string): Set<string> {
  const lines = content.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return new Set(lines);
}

/**
 * Merges two versions of a file of the git-annex branch: the lines of both, each once, sorted by bytes. A version that already has exactly
 * these lines is returned unchanged, in whatever order it has them (ours first).
 */
export function unionMerge(ours: string, theirs: string): string {
  if (ours === theirs) return ours;
  const our = lineSet(ours);
  const their = lineSet(theirs);
  const all = new Set(our);
  for (const line of their) all.add(line);
  if (all.size === our.size) return ours;
  if (all.size === their.size) return theirs;
  return [...all].sort(compareUtf8).map(line => `${line}\n`).join('');
}

// ---- paths on the branch and in the journal ----

/** Path of the location log of a key on the git-annex branch: `abc/def/F.log`. */
export function locationLogPath(key: KeyText): string {
  return `${hashDirLower(key)}/${keyToFileName(key)}.log`;
}

/** Key whose location log has this path on the branch; undefined for every other file. The directories are not compared with the key. */
export function keyOfLocationLogPath(path: string): KeyText | undefined {
  if (!path.endsWith('.log')) return undefined;
  const first = path.indexOf('/');
  const second = path.indexOf('/', first + 1);
  if (first < 0 || second < 0 || path.includes('/', second + 1)) return undefined;
  return normalizeKey(fileNameToKey(path.slice(second + 1, -4)));
}

/** Name in `.git/annex/journal` of a file of the branch: `_` doubled, then `/` as `_`. */
export function journalFileName(branchPath: string): string {
  return branchPath.replaceAll('_', '__').replaceAll('/', '_');
}

/** Inverse of {@link journalFileName}. */
export function branchPathOfJournalFile(name: string): string {
  return name.replace(/__|_/g, match => (match === '__' ? '_' : '/'));
}
