/** git's packet lines: 4 hex digits of length (itself included), then the payload; `0000` ends a list (gitprotocol-common). */

const MAX_PAYLOAD = 65516;
export const FLUSH: Buffer = Buffer.from('0000');

export function packet(payload: Uint8Array | string): Buffer {
  const data = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return Buffer.concat([Buffer.from((data.length + 4).toString(16).padStart(4, '0')), data]);
}

/** Splits content into packets; an empty content is no packet at all. */
export function* packets(content: Uint8Array): Generator<Buffer> {
  for (let start = 0; start < content.length; start += MAX_PAYLOAD) yield packet(content.subarray(start, start + MAX_PAYLOAD));
}

/** Reads packets from a stream; undefined stands for a flush packet. Ends with the stream. */
export async function* readPackets(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer | undefined> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of input) {
    pending = pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk]);
    for (;;) {
      if (pending.length < 4) break;
      const length = Number.parseInt(pending.toString('latin1', 0, 4), 16);
      if (Number.isNaN(length) || (length > 0 && length < 4)) throw new Error('broken packet line');
      if (length === 0) {
        pending = pending.subarray(4);
        yield undefined;
        continue;
      }
      if (pending.length < length) break;
      yield pending.subarray(4, length);
      pending = pending.subarray(length);
    }
  }
}
