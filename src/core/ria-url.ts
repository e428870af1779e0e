/** Addresses of stores and of datasets in them. Format: DataLad's RIA URLs; SPEC.md, section "Addresses". */
import { DStoreError, isDStoreError } from './errors.ts';
import { UUID_PATTERN } from './uuid.ts';

export interface StoreAddress {
  readonly transport: 'file' | 'ssh' | 'http' | 'https';
  /** `ria+…` URL of the store in canonical form: lower-case scheme, no fragment, no trailing slash; equal stores compare equal. */
  readonly url: string;
  /** Absolute path of the store, percent-decoded, without trailing slash. */
  readonly path: string;
  /** Without the brackets of an IPv6 address. */
  readonly host?: string;
  readonly user?: string;
  readonly port?: number;
  /** Dataset ID, when the address names a dataset by ID. */
  readonly dataset?: string;
  /** Alias, when the address names a dataset by alias. */
  readonly alias?: string;
  /** Branch or tag. */
  readonly version?: string;
}

type Transport = StoreAddress['transport'];

const FORMS_HINT = 'addresses look like ria+file:///path/to/store#~ALIAS, ria+ssh://host/path/to/store#DATASET-ID or /path/to/store#~ALIAS';

function invalid(text: string, why: string, hint: string = FORMS_HINT): DStoreError {
  // Errors are copied into logs and bug reports, so a password must not be in them.
  const shown = text.replace(/(:\/\/[^/@:]*):[^/@]*@/, '$1:…@');
  return new DStoreError('URL_INVALID', `cannot understand the address ${JSON.stringify(shown)}: ${why}`, { hint });
}

interface Fragment { readonly dataset?: string; readonly alias?: string; readonly version?: string }

/** A reason why the fragment names no dataset, or what it names. */
function readFragment(fragment: string): Fragment | string {
  const at = fragment.indexOf('@');
  const name = at < 0 ? fragment : fragment.slice(0, at);
  const version = at < 0 ? {} : { version: fragment.slice(at + 1) };
  if (version.version !== undefined && !isRefName(version.version)) {
    return `${JSON.stringify(version.version)} is no branch or tag name`;
  }
  if (name.startsWith('~')) {
    const alias = name.slice(1);
    if (alias === '' || alias === '.' || alias === '..' || /[/\0]/.test(alias)) return `${JSON.stringify(alias)} is no alias`;
    return { alias, ...version };
  }
  if (UUID_PATTERN.test(name)) return { dataset: name, ...version };
  if (UUID_PATTERN.test(name.toLowerCase())) return 'a dataset ID is written in lower case';
  return `${JSON.stringify(name)} is neither a dataset ID nor ~ALIAS`;
}

/** Enough of git's rules that the text cannot be taken for an option or a revision expression. */
function isRefName(text: string): boolean {
  return text !== '' && !/^[-/]|\/$|\.\.|\/\/|@\{|[\s~^:?*[\\\x00-\x1f\x7f]/.test(text);
}

function decodePath(path: string, text: string): string {
  let decoded: string;
  try {
    decoded = path.replace(/(?:%[0-9a-fA-F]{2})+/g, escapes => decodeURIComponent(escapes));
  } catch {
    throw invalid(text, 'its path is not valid UTF-8 after percent-decoding');
  }
  if (decoded.includes('\0')) throw invalid(text, 'its path contains a NUL character');
  return decoded;
}

/** Percent-encodes what would end a path or be decoded by a reader. */
function encodePath(path: string): string {
  return path.replace(/[%#?\s\x00-\x1f\x7f]/g, character => encodeURIComponent(character));
}

function withoutTrailingSlashes(path: string): string {
  return path.replace(/\/+$/, '') || '/';
}

/** Absolute path without `.`, `..` and empty components. */
function resolvePath(path: string, cwd: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${cwd}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function fileAddress(path: string, fragment: Fragment): StoreAddress {
  return { transport: 'file', url: `ria+file://${encodePath(path)}`, path, ...fragment };
}

interface Authority { readonly user?: string; readonly host?: string; readonly port?: number }

function readAuthority(authority: string, text: string): Authority {
  if (authority === '') return {};
  const match = /^(?:([^@]*)@)?(?:\[([0-9a-fA-F:.%]+)\]|([^:@[\]]+))(?::(\d+))?$/.exec(authority);
  if (match === null) throw invalid(text, `${JSON.stringify(authority.replace(/^.*@/, ''))} is no [user@]host[:port]`);
  const user = match[1];
  const host = (match[2] ?? match[3]) as string;
  const port = match[4] === undefined ? undefined : Number(match[4]);
  if (user?.includes(':')) {
    throw invalid(text, 'it contains a password',
      'leave the password out: ssh asks for it or uses a key; for http use git credential storage');
  }
  // ssh would take such a name for an option.
  if (host.startsWith('-') || user === '' || user?.startsWith('-')) {
    throw invalid(text, 'a user or host name cannot be empty or start with "-"');
  }
  if (port !== undefined && (port < 1 || port > 65535)) throw invalid(text, `${port} is no port number`);
  return { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) };
}

function printAuthority({ user, host, port }: Authority): string {
  if (host === undefined) return '';
  return `${user === undefined ? '' : `${user}@`}${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`;
}

/**
 * Parses `ria+file://…`, `ria+ssh://…`, `ria+http://…`, `ria+https://…` with or without `#ID`, `#~ALIAS`, `@VERSION`.
 * @throws URL_INVALID with a hint
 */
export function parseRiaUrl(text: string): StoreAddress {
  const match = /^ria\+([a-z0-9.+-]*):(.*)$/is.exec(text);
  if (match === null) throw invalid(text, 'it does not start with ria+file://, ria+ssh://, ria+http:// or ria+https://');
  const transport = (match[1] as string).toLowerCase();
  if (transport !== 'file' && transport !== 'ssh' && transport !== 'http' && transport !== 'https') {
    throw invalid(text, `ria+${transport} is no transport; there are ria+file, ria+ssh, ria+http and ria+https`);
  }
  const body = match[2] as string;
  const hash = body.indexOf('#');
  const fragment = hash < 0 ? {} : readFragment(body.slice(hash + 1));
  if (typeof fragment === 'string') throw invalid(text, fragment);
  return locate(transport, hash < 0 ? body : body.slice(0, hash), fragment, text);
}

/** @param rest what stands between the scheme's colon and the fragment */
function locate(transport: Transport, rest: string, fragment: Fragment, text: string): StoreAddress {
  const match = /^(?:\/\/([^/]*))?(.*)$/s.exec(rest) as RegExpExecArray;
  const rawPath = match[2] as string;
  const authority = readAuthority(match[1] ?? '', text);
  // '?' would start a query, which neither a path nor DataLad's file access knows.
  if (rawPath.includes('?')) throw invalid(text, 'it contains "?"', 'write "?" in a path as %3F');
  if (transport === 'file') {
    if (authority.host !== undefined && authority.host !== 'localhost') {
      throw invalid(text, `a file address has no host, found ${JSON.stringify(authority.host)}`,
        'write three slashes: ria+file:///path/to/store; for another machine: ria+ssh://host/path');
    }
    if (!rawPath.startsWith('/')) throw invalid(text, 'its path is not absolute', 'write three slashes: ria+file:///path/to/store');
    return fileAddress(resolvePath(decodePath(rawPath, text), '/'), fragment);
  }
  if (authority.host === undefined) throw invalid(text, 'it has no host', `write ria+${transport}://host/path/to/store`);
  const path = withoutTrailingSlashes(decodePath(rawPath, text));
  const url = `ria+${transport}://${printAuthority(authority)}${path === '/' ? '' : encodePath(path)}`;
  return { transport, url, path, ...authority, ...fragment };
}

/**
 * Parses STORE#ID, STORE#~ALIAS, each with or without @VERSION, where STORE is a path or a `file://` URL; and every `ria+` URL, also
 * without a fragment.
 * @param cwd absolute; resolves relative paths
 * @returns undefined when the text has another form, e.g. is the URL of a git repository
 * @throws URL_INVALID when it has this form and is wrong
 */
export function parseStoreReference(text: string, cwd: string): StoreAddress | undefined {
  if (/^ria\+/i.test(text)) return parseRiaUrl(text);
  const fileUrl = /^file:\/\//i.test(text);
  // host:path and scheme:… are git's.
  if (!fileUrl && /^[^/#]*:/.test(text)) return undefined;
  let problem: string | undefined;
  // A path may contain '#', so the first that is followed by the name of a dataset ends it.
  for (let hash = text.indexOf('#'); hash > 0; hash = text.indexOf('#', hash + 1)) {
    const written = text.slice(hash + 1);
    const fragment = readFragment(written);
    if (typeof fragment !== 'string') {
      if (fileUrl) return locate('file', text.slice('file:'.length, hash), fragment, text);
      return fileAddress(resolvePath(text.slice(0, hash), cwd), fragment);
    }
    if ((written.startsWith('~') && !written.includes('/')) || UUID_PATTERN.test(written.slice(0, 36).toLowerCase())) problem ??= fragment;
  }
  if (problem !== undefined) throw invalid(text, problem);
  return undefined;
}

/**
 * Directory of a dataset in its store: `3c8/0f600-…`.
 * @throws URL_INVALID when the ID would lead to another directory; any other text is accepted, as git-annex's `archive-id` is free text
 */
export function datasetDirectory(id: string): string {
  const first = id.slice(0, 3);
  const rest = id.slice(3);
  if (rest === '' || rest === '.' || rest === '..' || /[/\0]/.test(id)) {
    throw new DStoreError('URL_INVALID', `not a dataset ID: ${JSON.stringify(id)}`, {
      hint: 'a dataset ID is a UUID; show it with: git config -f .datalad/config datalad.dataset.id',
    });
  }
  return `${first}/${rest}`;
}

/** The address as a `ria+` URL with its fragment. Inverse of {@link parseRiaUrl} up to canonical form. */
export function printRiaUrl(address: StoreAddress): string {
  const version = address.version === undefined ? '' : `@${address.version}`;
  if (address.dataset !== undefined) return `${address.url}#${address.dataset}${version}`;
  return address.alias === undefined ? address.url : `${address.url}#~${address.alias}${version}`;
}

/** `ria+file://` URL of the store at an absolute path. */
export function fileStoreUrl(path: string): string {
  return `ria+file://${encodePath(path)}`;
}

/** Whether an address that was recorded by any program leads to the store of a canonical one; one that cannot be understood does not. */
export function isSameStore(recorded: string, url: string): boolean {
  try {
    return parseRiaUrl(recorded).url === url;
  } catch (error) {
    if (isDStoreError(error)) return false;
    throw error;
  }
}
