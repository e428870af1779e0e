import type { DStoreError } from '../../core/errors.ts';
import type { DStoreEvent, ResultRecord } from '../../core/records.ts';
import type { Totals } from '../totals.ts';

/** Shows what an operation reports. One per command run. */
export interface Renderer {
  record(record: ResultRecord): void;
  event(event: DStoreEvent): void;
  /** The user asked to stop; the operation is finishing what it must. */
  stopping(): void;
  /** Called once, last. `failure`: what the operation threw. */
  finish(end: { readonly totals: Totals; readonly exit: number; readonly milliseconds: number; readonly failure?: Failure; readonly interrupted: boolean }): void;
}

export interface Failure {
  readonly error: DStoreError;
  /** Where it came from, when it is a defect of the program and not a condition it foresaw. */
  readonly stack?: string;
}

export interface RendererOptions {
  readonly action: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: boolean;
  /** The records are the data that was asked for. */
  readonly showsRecords: boolean;
  readonly display: Readonly<Record<string, unknown>>;
}
