/** Git objects: their types, their text forms, and writing many of them. */
import { createHash } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { DStoreError } from '../core/errors.ts';
import { nowMilliseconds } from '../io/clock.ts';
import type { GitConfig } from './config.ts';

export { createObjectWriter } from './object-writer.ts';

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';
export interface GitObject { readonly type: ObjectType; readonly data: Buffer }

/** A person and a time. `timezone` is git's `+0200`. */
export interface Identity { readonly name: string; readonly email: string; readonly seconds: number; readonly timezone: string }

export interface CommitFields {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Identity;
  readonly committer: Identity;
  /** Ends with a newline, as git writes it. */
  readonly message: string;
}

/** `date` is the time in ISO 8601 with the zone of the person. */
export interface DatedIdentity extends Identity { readonly date: string }

export interface CommitInfo extends CommitFields {
  readonly oid: string;
  readonly author: DatedIdentity;
  readonly committer: DatedIdentity;
  /** First line of the message. */
  readonly subject: string;
}

/** One file of a tree, whatever its depth. `mode` is `100644`, `100755`, `120000` or `160000`. */
export interface TreeFile { readonly path: string; readonly mode: string; readonly oid: string }

/** What differs at one path; a missing side means that the path is not there. */
export interface TreeChange {
  readonly path: string;
  readonly from?: { readonly mode: string; readonly oid: string };
  readonly to?: { readonly mode: string; readonly oid: string };
}

/** Gathers new objects; they become visible, all or none, with flush. */
export interface ObjectWriter {
  /** Adds a blob and gives its oid. */
  blob(data: Uint8Array | string): string;
  /** Adds a file's content as a blob without loading it whole. @throws CONTENT_CHANGED when it changes meanwhile */
  blobFile(path: string): string;
  /** Adds a tree; entries in any order. Directories have mode `40000`. */
  tree(entries: readonly { readonly mode: string; readonly name: string; readonly oid: string }[]): string;
  commit(fields: CommitFields): string;
  /** Adds an object in its stored form. */
  raw(type: ObjectType, data: Uint8Array): string;
  /** Objects added since the last flush. */
  readonly count: number;
  /** Makes the objects durable and visible; the writer can be used again. */
  flush(): Promise<void>;
  /** Forgets what was not flushed. */
  discard(): void;
}

/** Oid of an object, without storing it. */
export function hashObject(type: ObjectType, data: Uint8Array): string {
  return createHash('sha1').update(`${type} ${data.length}\0`, 'latin1').update(data).digest('hex');
}

/** The stored form of a commit. */
export function printCommit(fields: CommitFields): string {
  const lines = [`tree ${fields.tree}`, ...fields.parents.map((parent) => `parent ${parent}`),
    `author ${printIdentity(fields.author)}`, `committer ${printIdentity(fields.committer)}`];
  return `${lines.join('\n')}\n\n${fields.message}`;
}

/** `Name <email> seconds zone`, as commits and reflogs have it. */
export function printIdentity(identity: Identity): string {
  return `${cleanIdent(identity.name)} <${cleanIdent(identity.email)}> ${identity.seconds} ${identity.timezone}`;
}

/** Reads a commit; unknown headers (signatures, encodings) are passed over. @throws GIT_CORRUPT */
export function parseCommit(oid: string, data: Buffer): CommitInfo {
  const text = data.toString('utf8');
  const split = text.indexOf('\n\n');
  const head = (split < 0 ? text : text.slice(0, split)).split('\n');
  const parents: string[] = [];
  let tree: string | undefined;
  let author: DatedIdentity | undefined;
  let committer: DatedIdentity | undefined;
  for (const line of head) {
    if (line.startsWith('tree ')) tree ??= line.slice(5);
    else if (line.startsWith('parent ')) parents.push(line.slice(7));
    else if (line.startsWith('author ')) author ??= parseIdentity(line.slice(7));
    else if (line.startsWith('committer ')) committer ??= parseIdentity(line.slice(10));
  }
  if (tree === undefined || author === undefined || committer === undefined) {
    throw new DStoreError('GIT_CORRUPT', `commit ${oid} cannot be read`, { hint: `git cat-file -p ${oid}` });
  }
  const message = split < 0 ? '' : text.slice(split + 2);
  return { oid, tree, parents, author, committer, message, subject: /^\s*(.*)/.exec(message)?.[1] ?? '' };
}

function parseIdentity(text: string): DatedIdentity {
  const match = /^(.*?) ?<([^>]*)>(?: (-?\d+) ([+-]\d{4}))?/.exec(text);
  const seconds = Number(match?.[3] ?? 0);
  const timezone = match?.[4] ?? '+0000';
  return { name: match?.[1] ?? text, email: match?.[2] ?? '', seconds, timezone, date: isoDate(seconds, timezone) };
}

function isoDate(seconds: number, timezone: string): string {
  const offset = (Number(timezone.slice(1, 3)) * 60 + Number(timezone.slice(3))) * (timezone.startsWith('-') ? -1 : 1);
  const local = new Date((seconds + offset * 60) * 1000);
  if (Number.isNaN(local.getTime())) return '';
  return `${local.toISOString().slice(0, 19)}${timezone.slice(0, 3)}:${timezone.slice(3)}`;
}

/** What git does to names: no angle brackets or line breaks, no odd characters around. */
function cleanIdent(text: string): string {
  return text.replace(/[\n<>]/g, '').replace(/^[\s.,:;"\\']+|[\s.,:;"\\']+$/g, '');
}

function localTimezone(seconds: number): string {
  const minutes = -new Date(seconds * 1000).getTimezoneOffset();
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${String(Math.floor(absolute / 60)).padStart(2, '0')}${String(absolute % 60).padStart(2, '0')}`;
}

/** GIT_AUTHOR_DATE and GIT_COMMITTER_DATE: `seconds zone`, `@seconds zone`, or a date of ISO 8601 or RFC 2822. */
function parseDate(text: string): { seconds: number; timezone: string } {
  const raw = /^@?(\d+)(?: ([+-]\d{4}))?$/.exec(text.trim());
  if (raw !== null) return { seconds: Number(raw[1]), timezone: raw[2] ?? '+0000' };
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed)) {
    throw new DStoreError('CONFIG_INVALID', `${JSON.stringify(text)} is no date`, {
      hint: 'use a form like GIT_AUTHOR_DATE="2024-05-01T12:00:00+0200"',
    });
  }
  const seconds = Math.floor(parsed / 1000);
  const zone = /(?:([+-]\d{2}):?(\d{2})|Z|GMT|UTC)\s*$/i.exec(text.replace(/^\d{4}-\d{2}-\d{2}$/, ''));
  if (zone === null) return { seconds, timezone: localTimezone(seconds) };
  return { seconds, timezone: zone[1] === undefined ? '+0000' : `${zone[1]}${zone[2]}` };
}

function personOf(config: GitConfig, role: 'author' | 'committer'): { name: string | undefined; email: string | undefined } {
  const prefix = `GIT_${role.toUpperCase()}`;
  const nonEmpty = (text: string | undefined): string | undefined => (text === undefined || cleanIdent(text) === '' ? undefined : text);
  return {
    name: nonEmpty(process.env[`${prefix}_NAME`]) ?? nonEmpty(config.get(`${role}.name`)) ?? nonEmpty(config.get('user.name')),
    email: nonEmpty(process.env[`${prefix}_EMAIL`]) ?? nonEmpty(config.get(`${role}.email`)) ?? nonEmpty(config.get('user.email'))
      ?? nonEmpty(process.env['EMAIL']),
  };
}

function dated(role: 'author' | 'committer', name: string, email: string): Identity {
  const date = process.env[`GIT_${role.toUpperCase()}_DATE`];
  const seconds = Math.floor(nowMilliseconds() / 1000);
  const time = date === undefined || date === '' ? { seconds, timezone: localTimezone(seconds) } : parseDate(date);
  return { name, email, ...time };
}

/**
 * Who commits: environment, then author.*, committer.*, user.* (git-commit(1), "Commit information").
 * @throws CONFIG_INVALID when name or email is not configured
 */
export function identity(config: GitConfig, role: 'author' | 'committer' = 'committer'): Identity {
  const { name, email } = personOf(config, role);
  if (name === undefined || email === undefined) {
    throw new DStoreError('CONFIG_INVALID', 'git does not know who you are', {
      hint: 'git config --global user.name "Your Name"; git config --global user.email you@example.org',
    });
  }
  return dated(role, name, email);
}

/** As {@link identity}, with the login name where nothing is configured; for reflogs, which must not fail for that. */
export function reflogIdentity(config: GitConfig): Identity {
  const { name, email } = personOf(config, 'committer');
  let login = 'unknown';
  try {
    login = userInfo().username;
  } catch {
    // No entry in the user database, as in containers.
  }
  return dated('committer', name ?? login, email ?? `${login}@${hostname()}`);
}
