/**
 * Matching expressions of git-annex: `annex.largefiles`, preferred, required and group-wanted content.
 *
 * Grammar, as git-annex 10 evaluates it: words are separated by blanks, parentheses stand by themselves. `and`, `or` and nothing
 * between two terms (which means `and`) have the same precedence and are taken from left to right; `not` binds to the term
 * after it. `anything or nothing and nothing` is therefore false. A missing parenthesis or operand is no error: a group ends with the text,
 * a missing operand is true.
 */

import { DStoreError } from './errors.ts';
import { annexGlob, annexGlobIgnoringCase } from './glob.ts';
import { parseSize } from './size.ts';

/**
 * One file or key that an expression is asked about. A term whose function is missing here cannot be decided, and asking
 * for it throws UNSUPPORTED.
 */
export interface MatchSubject {
  /** Relative to the top of the dataset. */
  readonly path: string;
  /** Bytes; undefined when the key does not tell: then it is smaller than everything. */
  readonly size: number | undefined;
  /** Serialised key; its backend answers `inbackend=` when `backend` is missing. */
  readonly key?: string;
  mimeEncoding?(): string;
  mimeType?(): string;
  /** Number of copies, narrowed to a trust level (`semitrusted`, `semitrusted+` for at least) or a group. */
  copies?(trust?: string, group?: string): number;
  present?(): boolean;
  inAllGroup?(group: string): boolean;
  onlyInGroup?(group: string): boolean;
  /** Values of a metadata field; upper and lower case in the name of a field are the same. */
  metadata?(field: string): readonly string[];
  readonly unused?: boolean;
  readonly backend?: string;
  readonly secureHash?: boolean;
  inPreferredDir?(): boolean;
  standard?(): boolean;
  groupWanted?(): boolean;
  /** Whether at least `count` more copies are needed to satisfy numcopies; approximate: without looking at .gitattributes. */
  lackingCopies?(count: number, approximate: boolean): boolean;
}

export interface Expression {
  matches(subject: MatchSubject): boolean;
  /** Some term asks for the MIME type or encoding, so the head of the file must be read. */
  readonly needsContent: boolean;
  /** Names of the terms that occur (`include`, `copies`, …), so that a caller prepares only what is asked for. */
  readonly terms: ReadonlySet<string>;
}

type Kind = 'largefiles' | 'preferred';
type Matcher = (subject: MatchSubject) => boolean;
type Term = (value: string, token: string) => Matcher;

const ALWAYS: Matcher = () => true;
const NEVER: Matcher = () => false;

function invalid(message: string, token: string): DStoreError {
  return new DStoreError('EXPRESSION_INVALID', `cannot understand ${JSON.stringify(token)} in a matching expression: ${message}`, {
    hint: 'the terms are described in https://git-annex.branchable.com/git-annex-matching-expression/',
  });
}

/** What a subject knows about a term. @throws UNSUPPORTED when it was not given */
function known<T>(value: T | undefined, term: string, subject: MatchSubject): T {
  if (value === undefined) throw new DStoreError('UNSUPPORTED', `cannot decide "${term}" for ${subject.path}: it is not known here`);
  return value;
}

function comparesSize(holds: (size: number, limit: number) => boolean): Term {
  return (value, token) => {
    const limit = parseSize(value);
    if (limit === undefined) throw invalid('it has no size such as 100kb or 1MiB', token);
    return (subject) => holds(subject.size ?? -1, limit);
  };
}

/** The whole number that `value` begins with; one that goes on as a fraction or with an exponent is none. */
function integer(value: string, token: string): number {
  const digits = /^-?[0-9]+/.exec(value)?.[0];
  if (digits === undefined || /^(?:\.[0-9]|[eE][+-]?[0-9])/.test(value.slice(digits.length))) throw invalid('it has no whole number', token);
  return Number(digits);
}

const TRUST = /^(?:trusted|untrusted|semitrusted|dead)\+?$/;

function copies(value: string, token: string): Matcher {
  const parts = value.split(':');
  if (parts.length > 2) throw invalid('it is not of the form copies=N, copies=TRUST:N or copies=GROUP:N', token);
  const count = integer(parts.at(-1) ?? '', token);
  const who = parts.length === 2 ? parts[0] : undefined;
  const trust = who !== undefined && TRUST.test(who) ? who : undefined;
  const group = trust === undefined ? who : undefined;
  return (subject) => known(subject.copies?.(trust, group), 'copies', subject) >= count;
}

function lackingCopies(approximate: boolean): Term {
  return (value, token) => {
    const count = integer(value, token);
    const name = approximate ? 'approxlackingcopies' : 'lackingcopies';
    return (subject) => known(subject.lackingCopies?.(count, approximate), name, subject);
  };
}

const METADATA_COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0, '<=': (order) => order <= 0, '>': (order) => order > 0, '>=': (order) => order >= 0,
};
const NUMBER = /^\s*-?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*$/;

/** By value when both are numbers, else by bytes. */
function orderOfValues(a: string, b: string): number {
  if (NUMBER.test(a) && NUMBER.test(b)) return Number(a) - Number(b);
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

function metadata(value: string, token: string): Matcher {
  const parts = /^([^=<>]*)(=|<=|<|>=|>)?([^]*)$/.exec(value);
  const field = parts?.[1] ?? '';
  if (!/^[\p{L}\p{N}][\p{L}\p{N}_.-]*$/u.test(field)) throw invalid('it has no metadata field name', token);
  const operator = parts?.[2];
  const wanted = parts?.[3] ?? '';
  const accepts = operator === undefined ? undefined : METADATA_COMPARISONS[operator];
  const holds: (found: string) => boolean = accepts === undefined
    ? annexGlobIgnoringCase(wanted)
    : (found) => accepts(orderOfValues(found, wanted));
  return (subject) => known(subject.metadata?.(field), 'metadata', subject).some(holds);
}

const GLOB_TERMS = {
  include: (value) => {
    const glob = annexGlob(value);
    return (subject) => glob(subject.path);
  },
  exclude: (value) => {
    const glob = annexGlob(value);
    return (subject) => !glob(subject.path);
  },
  largerthan: comparesSize((size, limit) => size > limit),
  smallerthan: comparesSize((size, limit) => size < limit),
} satisfies Record<string, Term>;

/** Terms of the form name=value. */
const VALUE_TERMS: Readonly<Record<Kind, ReadonlyMap<string, Term>>> = {
  largefiles: new Map<string, Term>(Object.entries({
    ...GLOB_TERMS,
    mimetype: (value: string) => {
      const glob = annexGlob(value);
      return (subject: MatchSubject) => glob(known(subject.mimeType?.(), 'mimetype', subject));
    },
    mimeencoding: (value: string) => {
      const glob = annexGlob(value);
      return (subject: MatchSubject) => glob(known(subject.mimeEncoding?.(), 'mimeencoding', subject));
    },
  })),
  preferred: new Map<string, Term>(Object.entries({
    ...GLOB_TERMS,
    copies,
    metadata,
    lackingcopies: lackingCopies(false),
    approxlackingcopies: lackingCopies(true),
    inbackend: (value: string) => (subject: MatchSubject) =>
      known(subject.backend ?? subject.key?.split('-', 1)[0], 'inbackend', subject) === value,
    inallgroup: (value: string) => (subject: MatchSubject) => known(subject.inAllGroup?.(value), 'inallgroup', subject),
    onlyingroup: (value: string) => (subject: MatchSubject) => known(subject.onlyInGroup?.(value), 'onlyingroup', subject),
  })),
};

const WORDS: Readonly<Record<Kind, ReadonlyMap<string, Matcher>>> = {
  largefiles: new Map<string, Matcher>([['anything', ALWAYS], ['nothing', NEVER], ['unused', (subject) => subject.unused ?? false]]),
  preferred: new Map<string, Matcher>([
    ['anything', ALWAYS],
    ['nothing', NEVER],
    ['unused', (subject) => subject.unused ?? false],
    ['present', (subject) => known(subject.present?.(), 'present', subject)],
    ['inpreferreddir', (subject) => known(subject.inPreferredDir?.(), 'inpreferreddir', subject)],
    ['standard', (subject) => known(subject.standard?.(), 'standard', subject)],
    ['groupwanted', (subject) => known(subject.groupWanted?.(), 'groupwanted', subject)],
    ['securehash', (subject) => known(subject.secureHash, 'securehash', subject)],
  ]),
};

const OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'not', '(', ')']);

/** What Haskell's `words` takes for a blank, which is what separates words in git-annex. */
const BLANKS = /[\t-\r\p{Zs}]+/u;

function tokenize(text: string): string[] {
  return text.split(BLANKS).flatMap((word) => word.split(/([()])/)).filter((token) => token !== '');
}

function parseTerm(token: string, kind: Kind, terms: Set<string>): Matcher {
  const word = WORDS[kind].get(token);
  if (word !== undefined) {
    terms.add(token);
    return word;
  }
  const equals = token.indexOf('=');
  const name = equals === -1 ? token : token.slice(0, equals);
  const term = VALUE_TERMS[kind].get(name);
  if (term === undefined) {
    const other = kind === 'largefiles' ? 'preferred' : 'largefiles';
    const elsewhere = WORDS[other].has(token) || VALUE_TERMS[other].has(name);
    throw invalid(elsewhere ? `it has no meaning in ${kind === 'largefiles' ? 'annex.largefiles' : 'preferred content'}` : 'unknown term', token);
  }
  terms.add(name);
  return term(equals === -1 ? '' : token.slice(equals + 1), token);
}

interface Token { readonly token: string; readonly matcher: Matcher }

/** A closing parenthesis that nothing opened has no effect, wherever it stands. */
function withoutStrayClosings(tokens: readonly Token[]): Token[] {
  let depth = 0;
  return tokens.filter(({ token }) => {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    if (depth >= 0) return true;
    depth = 0;
    return false;
  });
}

/** Reads up to the parenthesis that closes the group, or the end of the text; `next` is after it. */
function readGroup(tokens: readonly Token[], start: number): { matcher: Matcher; next: number } {
  let at = start;

  /** Takes one token (with the operand that belongs to it) and joins it to what was read before. */
  const step = (before: Matcher): Matcher => {
    const next = tokens[at];
    if (next === undefined || next.token === ')') return before;
    at += 1;
    switch (next.token) {
      case 'and': {
        const operand = step(ALWAYS);
        return (subject) => before(subject) && operand(subject);
      }
      case 'or': {
        const operand = step(ALWAYS);
        return (subject) => before(subject) || operand(subject);
      }
      case 'not': {
        const operand = step(ALWAYS);
        return (subject) => before(subject) && !operand(subject);
      }
      case '(': {
        const group = readGroup(tokens, at);
        at = group.next;
        return (subject) => before(subject) && group.matcher(subject);
      }
      default:
        return before === ALWAYS ? next.matcher : (subject) => before(subject) && next.matcher(subject);
    }
  };

  let matcher = ALWAYS;
  while (at < tokens.length && tokens[at]?.token !== ')') matcher = step(matcher);
  return { matcher, next: at + 1 };
}

/**
 * Parses an expression.
 * @param kind `largefiles` knows the MIME terms, `preferred` those about copies, groups and metadata
 * @throws EXPRESSION_INVALID naming the token that is not understood
 */
export function parseExpression(text: string, kind: Kind): Expression {
  const terms = new Set<string>();
  // All terms first, so that an unknown one is reported wherever it stands.
  const tokens = tokenize(text).map((token) => ({ token, matcher: OPERATORS.has(token) ? ALWAYS : parseTerm(token, kind, terms) }));
  const { matcher } = readGroup(withoutStrayClosings(tokens), 0);
  return { matches: matcher, needsContent: terms.has('mimetype') || terms.has('mimeencoding'), terms };
}

const NOT_ARCHIVED = 'not (copies=archive:1 or copies=smallarchive:1)';
const lastResort = (expression: string): string => `(${expression}) or approxlackingcopies=1`;
const CLIENT = lastResort(`include=* and ((exclude=*/archive/* and exclude=archive/*) or (${NOT_ARCHIVED}))`);
const ARCHIVE = lastResort(NOT_ARCHIVED);

/** Preferred content that `standard` stands for in a repository that is in exactly one of these groups. */
export const STANDARD_GROUPS: Readonly<Record<string, string>> = {
  client: CLIENT,
  transfer: lastResort(`not (inallgroup=client and copies=client:2) and (${CLIENT})`),
  backup: 'anything',
  incrementalbackup: lastResort('(not copies=backup:1) and (not copies=incrementalbackup:1)'),
  smallarchive: lastResort(`(include=*/archive/* or include=archive/*) and (${ARCHIVE})`),
  archive: ARCHIVE,
  source: 'not (copies=1)',
  manual: `present and (${CLIENT})`,
  public: 'inpreferreddir',
  unwanted: 'not anything',
};
