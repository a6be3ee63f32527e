/**
 * Up to which event of each room a snapshot holds the changes: what the header `Tidings-As-Of` says.
 *
 * Events up to that position are in the snapshot; later ones apply to it.
 */
import type { Position } from './events.ts';
import type { RoomName } from './types.ts';

export const AS_OF = 'tidings-as-of';

/** Per room the position of the last event that is in the snapshot. */
export type Heads = Readonly<Record<RoomName, Position>>;

export interface Snapshot<T> {
	body: T;
	heads: Heads;
}

/** Reads `channel:X=44:1763900000000, user:Y=7:1763900000000`. What it does not understand it leaves out. */
export function asOf(header: string | null): Heads {
	const heads: Record<RoomName, Position> = {};
	for (const part of (header ?? '').split(',')) {
		const [, room, seq, at] = /^\s*([^=]+)=(\d+):(\d+)\s*$/.exec(part) ?? [];
		if (room !== undefined) heads[room] = [Number(seq), Number(at)];
	}
	return heads;
}

/** The positions of something that was read in several calls: per room the earliest, in rooms that all of them name. */
export function earliest(...all: Heads[]): Heads {
	const [first = {}, ...others] = all;
	const heads: Record<RoomName, Position> = {};
	for (const [room, position] of Object.entries(first)) {
		const found = others.map((other) => other[room]);
		if (found.some((other) => other === undefined)) continue;
		heads[room] = (found as Position[]).reduce((low, other) => (other[0] < low[0] ? other : low), position);
	}
	return heads;
}
