/**
 * Every error that dstore raises on purpose. `code` is stable and documented in docs/reference/errors.md;
 * `exit` is the status the program ends with when nothing else decides it.
 */

/** Exit statuses of the program. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  partial: 3,
  refused: 4,
  notFound: 10,
  locked: 11,
  toolMissing: 12,
  interrupted: 130,
} as const;

/** code → [exit status, one line of meaning]. A test holds this table against docs/reference/errors.md. */
export const ERROR_CODES = {
  USAGE: [2, 'the command line or the input of a library call is wrong'],
  PATH_UNKNOWN: [1, 'a path is neither in the dataset nor on disk'],
  PATH_OUTSIDE: [2, 'a path lies outside the dataset'],
  NAME_UNSUPPORTED: [1, 'a file name cannot be represented (not valid UTF-8, or it would leave its directory)'],
  NOT_A_DATASET: [10, 'there is no dataset at this place'],
  NO_ANNEX: [10, 'the git repository has no annex, or no dataset ID'],
  ALREADY_EXISTS: [4, 'something is in the way; it is left as it was'],
  NOT_A_STORE: [10, 'there is no store at this place'],
  STORE_VERSION: [1, 'the store or dataset directory has a layout version that this program does not write'],
  STORE_CORRUPT: [1, 'a file of the store is not what the layout says'],
  ALIAS_TAKEN: [4, 'the alias names another dataset of the store'],
  DATASET_UNKNOWN: [10, 'the store has no such dataset'],
  URL_INVALID: [2, 'a URL or store address cannot be understood'],
  REMOTE_UNKNOWN: [10, 'no remote of that name'],
  REMOTE_UNAVAILABLE: [1, 'a remote could not be asked; nothing is known about what it has'],
  REMOTE_READONLY: [4, 'the remote does not accept changes'],
  KEY_INVALID: [1, 'a key does not follow the key grammar'],
  KEY_UNSUPPORTED: [1, 'the key uses a backend that this program cannot compute'],
  CONTENT_UNAVAILABLE: [1, 'no place that could be asked has the content'],
  CONTENT_CORRUPT: [1, 'bytes do not match their key'],
  CONTENT_CHANGED: [1, 'a file changed while it was read'],
  DROP_UNSAFE: [4, 'too few other copies could be verified to remove this one'],
  REQUIRED_CONTENT: [4, 'the content is required in this place'],
  MODIFIED: [4, 'unsaved changes are in the way'],
  CONFLICT: [1, 'two histories cannot be joined without a decision'],
  PUSH_REJECTED: [1, 'the other side has changed; it was not overwritten'],
  LOCKED: [11, 'another process holds a lock'],
  LOCK_UNSUPPORTED: [1, 'this platform offers no locks that git-annex understands'],
  NO_SPACE: [1, 'the disk or quota is full'],
  PERMISSION: [1, 'the operating system denied access'],
  READ_ONLY: [1, 'the file system is read-only'],
  IO: [1, 'reading or writing failed'],
  GIT: [1, 'git reported an error'],
  GIT_CORRUPT: [1, 'a git object, index or reference is damaged'],
  GIT_UNSUPPORTED: [1, 'the repository uses a git feature that this program cannot work with'],
  ADJUSTED_BRANCH: [4, 'the command does not work on an adjusted or view branch'],
  CONFIG_INVALID: [1, 'a configuration value cannot be understood'],
  EXPRESSION_INVALID: [1, 'a matching expression (annex.largefiles, required content) cannot be understood'],
  TOOL_MISSING: [12, 'a program that this needs is not installed'],
  UNSUPPORTED: [1, 'this is not supported'],
  ABORTED: [130, 'interrupted'],
  INTERNAL: [1, 'a defect of dstore'],
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The part of an error that travels in records and JSON. */
export interface ErrorInfo {
  /** `DSTORE_E_` and the name in {@link ERROR_CODES}. */
  readonly code: string;
  readonly message: string;
  /** The next command to type, or what to do. */
  readonly hint?: string;
}

const BRAND = 'dstore.error';

/** Message: what failed, on what, why; lower case, no period. Hint: the next command. */
export class DStoreError extends Error {
  readonly brand: string = BRAND;
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  /** True when the same call may succeed later without anything being changed by the user. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { hint?: string | undefined; cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DStoreError';
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }

  get exit(): number {
    return ERROR_CODES[this.code][0];
  }

  toInfo(): ErrorInfo {
    return { code: `DSTORE_E_${this.code}`, message: this.message, ...(this.hint === undefined ? {} : { hint: this.hint }) };
  }
}

/** Recognises errors across copies of the package. */
export function isDStoreError(error: unknown): error is DStoreError {
  return typeof error === 'object' && error !== null && (error as { brand?: unknown }).brand === BRAND;
}

const SYSTEM_CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'NO_SPACE', EDQUOT: 'NO_SPACE', EACCES: 'PERMISSION', EPERM: 'PERMISSION', EROFS: 'READ_ONLY', ABORT_ERR: 'ABORTED',
};

/**
 * Gives a system error (`ENOSPC`, `EACCES`, …) its dstore code; dstore errors pass unchanged.
 * @param doing what was attempted and on what, e.g. `cannot write data/a.bin`
 */
export function toDStoreError(error: unknown, doing: string): DStoreError {
  if (isDStoreError(error)) return error;
  const system = error as { code?: unknown; message?: unknown; name?: unknown };
  if (system?.name === 'AbortError') return new DStoreError('ABORTED', 'interrupted', { cause: error });
  const systemCode = typeof system?.code === 'string' ? system.code : undefined;
  const code: ErrorCode = (systemCode !== undefined && SYSTEM_CODES[systemCode]) || (systemCode?.startsWith('E') ? 'IO' : 'INTERNAL');
  const reason = typeof system?.message === 'string' ? system.message : String(error);
  const hint = code === 'NO_SPACE' ? 'free some space, for example with: dstore drop PATH' : undefined;
  return new DStoreError(code, `${doing}: ${reason}`, { cause: error, hint });
}
