import type { ErrorInfo } from './errors.ts';

/** What became of one thing a command was asked about. Never dropped; the text, JSON and exit status derive from it. */
export interface ResultRecord {
  readonly type: 'result';
  /** The operation: `get`, `drop`, `save`, `store.init`, … */
  readonly action: string;
  /**
   * `ok` done (or, with `dryRun`, would be done); `notneeded` already so; `impossible` could not be attempted or is refused
   * to protect data; `error` attempted and failed.
   */
  readonly status: 'ok' | 'notneeded' | 'impossible' | 'error';
  /** Path from the folder the command ran in, `/`-separated. */
  readonly path?: string;
  /** `file`, `dataset`, `store`, `remote`, `commit`, `ref`. */
  readonly kind?: 'file' | 'dataset' | 'store' | 'remote' | 'commit' | 'ref';
  readonly key?: string;
  /** Bytes of the content concerned. */
  readonly bytes?: number;
  /** Absolute path of the dataset. */
  readonly dataset?: string;
  /** Name of the remote that gave, took or holds the content. */
  readonly remote?: string;
  readonly message?: string;
  readonly error?: ErrorInfo;
  readonly dryRun?: boolean;
  /** Facts of the single action, documented with the operation. */
  readonly details?: JsonObject;
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject { readonly [name: string]: JsonValue | undefined }

/** Progress of a running operation. Losing one changes nothing. */
export type DStoreEvent =
  /** Work is known: totals of what will be done. May be repeated when more becomes known; the newest counts. */
  | { readonly type: 'plan'; readonly action: string; readonly files: number; readonly bytes: number }
  /** Cumulative work done in the current plan. */
  | { readonly type: 'progress'; readonly files: number; readonly bytes: number }
  /** What is being done now, for display: `hashing`, `recording`. */
  | { readonly type: 'phase'; readonly name: string }
  /** Waiting for somebody, e.g. a lock. */
  | { readonly type: 'waiting'; readonly what: string }
  /** Something the user should know that is no failure. */
  | { readonly type: 'warning'; readonly message: string; readonly hint?: string };
