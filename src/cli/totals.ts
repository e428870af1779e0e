import { ERROR_CODES, EXIT, type ErrorCode } from '../core/errors.ts';
import type { ResultRecord } from '../core/records.ts';

/** What became of everything a command was asked about: the source of the summary and of the exit status. */
export class Totals {
  ok = 0;
  notneeded = 0;
  impossible = 0;
  error = 0;
  /** Records about files, by status; the rest are commits, datasets, refs and the like. */
  readonly files: Record<ResultRecord['status'], number> = { ok: 0, notneeded: 0, impossible: 0, error: 0 };
  /** Bytes of what is `ok`. */
  bytes = 0;
  dryRun = false;
  private firstFailureExit: number | undefined;

  add(record: ResultRecord): void {
    this[record.status]++;
    if (record.kind === 'file' || (record.kind === undefined && record.path !== undefined)) this.files[record.status]++;
    if (record.status === 'ok') this.bytes += record.bytes ?? 0;
    if (record.dryRun === true) this.dryRun = true;
    if (record.status === 'error' || record.status === 'impossible') this.firstFailureExit ??= exitOfRecord(record);
  }

  get failed(): number {
    return this.impossible + this.error;
  }

  /** 0 all well; 3 some failed; all failed: what the first failure says (4 when it was refused). */
  get exit(): number {
    if (this.firstFailureExit === undefined) return EXIT.ok;
    return this.ok + this.notneeded > 0 ? EXIT.partial : this.firstFailureExit;
  }
}

function exitOfRecord(record: ResultRecord): number {
  const code = record.error?.code.replace(/^DSTORE_E_/, '');
  if (code !== undefined && Object.hasOwn(ERROR_CODES, code)) return ERROR_CODES[code as ErrorCode][0];
  return record.status === 'impossible' ? EXIT.refused : EXIT.failure;
}
