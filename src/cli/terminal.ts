/** The two output streams: data on stdout, everything else on stderr, and one status line that never mixes with either. */

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
const STYLES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39],
};

/** Marks up text, or leaves it alone where colours are unwanted. */
export type Paint = (style: Style, text: string) => string;

export const paintNothing: Paint = (_, text) => text;

const FLUSH_LENGTH = 1 << 15;

export class Terminal {
  readonly stderrIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly paintOut: Paint;
  readonly paintErr: Paint;
  /** Called when nobody reads stdout any more, as in `dstore find | head`. */
  onClosed: () => void = () => {};

  private readonly stdout: OutputStream;
  private readonly stderr: OutputStream;
  private pending = '';
  private flushScheduled = false;
  private status = '';
  private closed = false;

  constructor(stdout: OutputStream, stderr: OutputStream, env: Readonly<Record<string, string | undefined>>) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.stdoutIsTerminal = stdout.isTTY === true;
    this.stderrIsTerminal = stderr.isTTY === true && env['TERM'] !== 'dumb';
    const colours = (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
    this.paintOut = paintWhen(colours && this.stdoutIsTerminal);
    this.paintErr = paintWhen(colours && this.stderrIsTerminal);
    stdout.on?.('error', (error) => this.streamFailed(error));
    // There is nowhere left to report that stderr is gone.
    stderr.on?.('error', () => {});
  }

  get columns(): number {
    return this.stderr.columns ?? 80;
  }

  /** Data and results. Collected into large writes: a line each would be a system call each. */
  out(text: string): void {
    if (this.closed) return;
    this.pending += text;
    if (this.pending.length >= FLUSH_LENGTH) {
      this.flush();
    } else if (!this.flushScheduled) {
      this.flushScheduled = true;
      setImmediate(() => {
        this.flushScheduled = false;
        this.flush();
      });
    }
  }

  /** Messages. */
  err(text: string): void {
    this.flush();
    this.hideStatus();
    this.stderr.write(text);
  }

  flush(): void {
    if (this.pending === '') return;
    const text = this.pending;
    this.pending = '';
    if (this.closed) return;
    this.hideStatus();
    try {
      this.stdout.write(text);
    } catch (error) {
      this.streamFailed(error);
    }
  }

  /** Shows one line on stderr that the next call, or any output, replaces. Only for terminals. */
  setStatus(line: string): void {
    if (line === this.status) return;
    this.stderr.write(`\r${line}\u001b[K`);
    this.status = line;
  }

  private hideStatus(): void {
    if (this.status !== '') {
      this.stderr.write('\r\u001b[K');
      this.status = '';
    }
  }

  private streamFailed(error: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.pending = '';
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') this.err(`cannot write results: ${(error as Error).message}\n`);
    this.onClosed();
  }
}

function paintWhen(colours: boolean): Paint {
  if (!colours) return paintNothing;
  return (style, text) => `\u001b[${STYLES[style][0]}m${text}\u001b[${STYLES[style][1]}m`;
}
