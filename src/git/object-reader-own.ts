import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { ObjectReader } from './object-reader.ts';
import type { ObjectStore } from './object-store.ts';

/** Reads objects in this process, for machines without git. */
export function ownReader(store: ObjectStore): ObjectReader {
  return {
    async read(oids, each, op: Op) {
      for (let index = 0; index < oids.length; index += 1) {
        if (index % 256 === 0) checkAborted(op);
        const oid = oids[index] as string;
        each(oid, store.read(oid));
      }
    },
    async close() {},
  };
}
