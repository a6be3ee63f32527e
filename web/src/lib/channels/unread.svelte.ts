/**
 * Unread messages per channel for the signed-in person: equal in every tab, because both numbers are the server's and no
 * tab ever adds one. What was read and could not be told yet counts as read here.
 */
import type { ChannelId, ChannelRow, ReadMarker } from '@tidings/client';
import { SvelteMap } from 'svelte/reactivity';

type Listed = Pick<ChannelRow, 'id' | 'last_no' | 'read_no' | 'read_version' | 'mentions'>;

export class Unread {
	#last = new SvelteMap<ChannelId, number>(); // `no` of the newest message, from message events and lists
	#read = new SvelteMap<ChannelId, ReadMarker>(); // from `events:read` and lists, newest version wins
	#wanted = new SvelteMap<ChannelId, number>(); // read here, and not yet told
	#heard: Set<ChannelId> | null = null;

	of(id: ChannelId): number {
		return Math.max(0, this.lastNo(id) - Math.max(this.readNo(id), this.#wanted.get(id) ?? 0));
	}

	lastNo(id: ChannelId): number {
		return this.#last.get(id) ?? 0;
	}

	readNo(id: ChannelId): number {
		return this.#read.get(id)?.read_no ?? 0;
	}

	mentions(id: ChannelId): number {
		return this.#read.get(id)?.mentions ?? 0;
	}

	arrived(id: ChannelId, no: number): void {
		if (no > this.lastNo(id)) this.#last.set(id, no);
	}

	marked(marker: ReadMarker): void {
		this.#heard?.add(marker.channel_id);
		const held = this.#read.get(marker.channel_id);
		if (!held || held.version < marker.version) this.#read.set(marker.channel_id, marker);
	}

	/** What waits to be told to the server, all of it. */
	waits(markers: ReadonlyMap<ChannelId, number>): void {
		for (const id of this.#wanted.keys()) if (!markers.has(id)) this.#wanted.delete(id);
		for (const [id, no] of markers) this.#wanted.set(id, no);
	}

	/** A list is asked for: markers that are heard from now on may be newer than it. */
	asking(): void {
		this.#heard = new Set();
	}

	/** Takes both numbers from the list that was asked for, also if they went back, as after a restored backup. */
	listed(rows: readonly Listed[]): void {
		for (const row of rows) {
			if (row.last_no !== undefined) this.#last.set(row.id, row.last_no);
			const marker = markerOf(row);
			if (!marker) continue;
			if (this.#heard?.has(row.id)) this.marked(marker);
			else this.#read.set(row.id, marker);
		}
		this.#heard = null;
	}

	/** Takes both numbers from one channel that was fetched by itself. */
	found(row: Listed): void {
		if (row.last_no !== undefined) this.arrived(row.id, row.last_no);
		const marker = markerOf(row);
		if (marker) this.marked(marker);
	}

	forget(id: ChannelId): void {
		this.#last.delete(id);
		this.#read.delete(id);
	}
}

function markerOf(row: Listed): ReadMarker | null {
	if (row.read_no === undefined) return null;
	return {
		channel_id: row.id,
		read_no: row.read_no,
		mentions: row.mentions ?? 0,
		version: row.read_version ?? 0,
	};
}
