/**
 * What the configuration says about single paths: annex or git (annex.largefiles, annex.dotfiles), which backend, how many copies.
 * Sources and precedence as git-annex has them: git configuration, .gitattributes, the git-annex branch.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parseMapLog, parseSingleLog } from '../core/annex-log.ts';
import { compileAttributes } from '../core/attributes.ts';
import type { AttributeFile } from '../core/attributes.ts';
import { backendOf } from '../core/backend.ts';
import type { Backend } from '../core/backend.ts';
import type { CopyPolicy } from '../core/drop-decision.ts';
import { DStoreError } from '../core/errors.ts';
import { parseExpression } from '../core/expression.ts';
import type { Expression } from '../core/expression.ts';
import { mimeEncoding } from '../core/mime-encoding.ts';
import type { GitIndex } from '../git/git-index.ts';
import type { Dataset } from './dataset.ts';

export interface FilePolicy {
  /** True when the content of a file of this size at this path belongs in the annex. */
  toAnnex(path: string, size: number): boolean;
  /** Whether anything says which files at this path are large; without, `git add` annexes nothing. */
  largeFilesConfigured(path: string): boolean;
  backend(path: string): Backend;
  /** Extension settings for keys with extensions. */
  readonly extensions: { maxExtensionLength?: number; maxExtensions?: number };
  copies(path: string): CopyPolicy;
  /** New files are kept unlocked (annex.addunlocked). */
  readonly addUnlocked: boolean;
}

/** @param branchFiles contents of `config.log`, `numcopies.log`, `mincopies.log` of the git-annex branch */
export function filePolicy(dataset: Dataset, index: GitIndex, branchFiles: ReadonlyMap<string, string>, extraAttributeFiles: readonly string[] = []): FilePolicy {
  const { config } = dataset.repo;
  const shared = parseMapLog(branchFiles.get('config.log') ?? '');
  const sharedSetting = (name: string): string | undefined => {
    const value = config.get(name) ?? shared.get(name)?.value;
    return value === '' ? undefined : value;
  };
  const attribute = compileAttributes(readAttributeFiles(dataset, index, extraAttributeFiles), readOptional({
    base: config.get('core.attributesfile'), override: join(dataset.repo.commonDir, 'info', 'attributes'),
  }));
  const text = (path: string, name: string): string | undefined => {
    const value = attribute(path, name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const expressions = new Map<string, Expression>();
  const expression = (source: string): Expression => {
    let parsed = expressions.get(source);
    if (parsed === undefined) expressions.set(source, parsed = parseExpression(source, 'largefiles'));
    return parsed;
  };
  const configuredLarge = config.get('annex.largefiles');
  const sharedLarge = shared.get('annex.largefiles')?.value;
  const dotfiles = isTrue(sharedSetting('annex.dotfiles'));
  const defaultBackend = requireBackend(config.get('annex.backend') ?? 'SHA256E', 'annex.backend');
  const numSetting = parseSingleLog(branchFiles.get('numcopies.log') ?? '') ?? config.get('annex.numcopies');
  const minSetting = parseSingleLog(branchFiles.get('mincopies.log') ?? '');
  const [maxLength, maxCount] = [config.getNumber('annex.maxextensionlength'), config.getNumber('annex.maxextensions')];
  const addUnlocked = sharedSetting('annex.addunlocked');

  const largeFiles = (path: string): string | undefined => configuredLarge ?? text(path, 'annex.largefiles') ?? sharedLarge;

  return {
    largeFilesConfigured: (path) => (largeFiles(path) ?? '') !== '',
    toAnnex(path, size) {
      if (!dotfiles && path.split('/').some((part) => part.startsWith('.'))) return false;
      const source = largeFiles(path);
      if (source === undefined || source === '') return true;
      return expression(source).matches({ path, size, mimeEncoding: () => mimeEncoding(readHead(join(dataset.top, path))) });
    },
    backend(path) {
      const name = text(path, 'annex.backend');
      return name === undefined ? defaultBackend : requireBackend(name, `.gitattributes for ${path}`);
    },
    extensions: {
      ...(maxLength === undefined ? {} : { maxExtensionLength: maxLength }),
      ...(maxCount === undefined ? {} : { maxExtensions: maxCount }),
    },
    copies(path) {
      return {
        numCopies: count(text(path, 'annex.numcopies') ?? numSetting),
        minCopies: count(text(path, 'annex.mincopies') ?? minSetting),
      };
    },
    addUnlocked: addUnlocked !== undefined && (isTrue(addUnlocked) || addUnlocked === 'anything'),
  };
}

/** Largest demands over all files that share a content. */
export function strictest(policies: readonly CopyPolicy[]): CopyPolicy {
  return {
    numCopies: Math.max(1, ...policies.map(({ numCopies }) => numCopies)),
    minCopies: Math.max(1, ...policies.map(({ minCopies }) => minCopies)),
  };
}

function requireBackend(name: string, source: string): Backend {
  const backend = backendOf(name);
  if (backend === undefined) {
    throw new DStoreError('KEY_UNSUPPORTED', `${source} asks for the backend ${name}, which cannot be computed here`, {
      hint: 'set another one, for example: git config annex.backend SHA256E',
    });
  }
  return backend;
}

/** Zero and nonsense count as 1, as in git-annex. */
function count(value: string | undefined): number {
  const number = Number.parseInt(value ?? '1', 10);
  return Number.isFinite(number) && number > 1 ? number : 1;
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ['true', 'yes', 'on', '1'].includes(value.toLowerCase());
}

function readAttributeFiles(dataset: Dataset, index: GitIndex, extra: readonly string[]): AttributeFile[] {
  const paths = new Set(extra);
  if (index.get('.gitattributes') === undefined) paths.add('.gitattributes');
  for (const { path } of index.entries) if (path === '.gitattributes' || path.endsWith('/.gitattributes')) paths.add(path);
  const files: AttributeFile[] = [];
  for (const path of paths) {
    const slash = path.lastIndexOf('/');
    try {
      files.push({ directory: slash === -1 ? '' : path.slice(0, slash), content: readFileSync(join(dataset.top, path), 'utf8') });
    } catch {
      // Tracked and deleted, or not there: it says nothing.
    }
  }
  return files.sort((a, b) => a.directory.length - b.directory.length);
}

function readOptional(paths: { base: string | undefined; override: string }): { base?: string; override?: string } {
  const read = (path: string | undefined): string | undefined => {
    if (path === undefined) return undefined;
    try {
      return readFileSync(path.replace(/^~\//, `${process.env['HOME'] ?? ''}/`), 'utf8');
    } catch {
      return undefined;
    }
  };
  const [base, override] = [read(paths.base), read(paths.override)];
  return { ...(base === undefined ? {} : { base }), ...(override === undefined ? {} : { override }) };
}

function readHead(path: string): Uint8Array {
  const buffer = Buffer.alloc(65536);
  const descriptor = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
