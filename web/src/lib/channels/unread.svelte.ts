/**
 * Unread messages per channel for the signed-in person: equal in every tab, because both numbers are the server's and no
 * tab ever adds one.
 */
import type { ChannelId, ChannelRow, ReadMarker } from '@tidings/client';
import { SvelteMap } from 'svelte/reactivity';

export class Unread {
	#last = new SvelteMap<ChannelId, number>(); // `no` of the newest message, from message events and lists
	#read = new SvelteMap<ChannelId, ReadMarker>(); // from `events:read` and lists, newest version wins

	of(id: ChannelId): number {
		return Math.max(0, this.lastNo(id) - this.readNo(id));
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
		const held = this.#read.get(marker.channel_id);
		if (!held || held.version < marker.version) this.#read.set(marker.channel_id, marker);
	}

	/** Takes both numbers from a list, or from the one channel that was fetched. */
	listed(row: Pick<ChannelRow, 'id' | 'last_no' | 'read_no' | 'read_version' | 'mentions'>): void {
		if (row.last_no !== undefined) this.arrived(row.id, row.last_no);
		if (row.read_no === undefined) return;
		const version = row.read_version ?? 0;
		this.marked({ channel_id: row.id, read_no: row.read_no, mentions: row.mentions ?? 0, version });
	}

	forget(id: ChannelId): void {
		this.#last.delete(id);
		this.#read.delete(id);
	}
}
