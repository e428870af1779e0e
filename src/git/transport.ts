import type { Op } from '../core/op.ts';

export interface FetchOptions {
  /** Allow local paths as URLs of submodules, which git refuses since 2.38.1. */
  readonly allowFileProtocol?: boolean;
}

/** What became of one reference. `rejected`: the other side has something that ours does not contain; `error`: it refused. */
export interface PushResult {
  /** Full name on the other side. */
  readonly ref: string;
  readonly status: 'ok' | 'uptodate' | 'rejected' | 'error';
  readonly message: string;
}

/** Exchange with other repositories; see GitRepository for what the members promise. */
export interface Transport {
  fetch(remote: string, refspecs: readonly string[], op: Op, options?: FetchOptions): Promise<void>;
  push(remote: string, refspecs: readonly string[], op: Op): Promise<PushResult[]>;
  listRemoteRefs(remoteOrUrl: string, op: Op): Promise<Map<string, string>>;
}

/** What transports need of a repository. */
export interface TransportSource {
  readonly gitDir: string;
  readonly worktree: string | undefined;
}
