import type { Transport, TransportSource } from './transport.ts';
import { programTransport } from './transport-program.ts';
export function ownTransport(source: TransportSource): Transport { return programTransport(source); }
