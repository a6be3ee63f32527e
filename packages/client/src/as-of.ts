/**
 * Up to which event of each room a snapshot holds the changes: what the header `Tidings-As-Of` says.
 *
 * Events up to that number are in the snapshot; later ones apply to it.
 */
import type { RoomName } from './types.ts';

export const AS_OF = 'tidings-as-of';

/** Per room the `seq` of the last event that is in the snapshot. */
export type Heads = Readonly<Record<RoomName, number>>;

export interface Snapshot<T> {
	body: T;
	heads: Heads;
}

/** Reads `channel:X=44:1763900000000, user:Y=7:1763900000000`. What it does not understand it leaves out. */
export function asOf(header: string | null): Heads {
	const heads: Record<RoomName, number> = {};
	for (const part of (header ?? '').split(',')) {
		const [, room, seq] = /^\s*([^=]+)=(\d+)(?::\d+)?\s*$/.exec(part) ?? [];
		if (room !== undefined) heads[room] = Number(seq);
	}
	return heads;
}
