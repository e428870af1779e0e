/** Milliseconds since the epoch. */
export function nowMilliseconds(): number {
  return Date.now();
}
