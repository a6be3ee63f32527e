/**
 * Tells the server how far this person has read: at once, and in a burst not more than once a second per channel, with
 * the newest number. What was seen is told in any case: when the channel is left, and through the outbox when away.
 */
import type { ChannelId } from '@tidings/client';

/** Read markers go out at most this often per channel, in milliseconds. */
export const READ_EVERY_MS = 1_000;
/** So long a marker that was sent is taken for told, in milliseconds. */
const TOLD_MS = 10 * READ_EVERY_MS;

interface Wire {
	/** Down to where the server knows that it was read. */
	readNo(channel: ChannelId): number;
	isLive(): boolean;
	/** False if it could not be sent. */
	send(channel: ChannelId, no: number): boolean;
	/** Keeps it until there is a connection. */
	keep(channel: ChannelId, no: number): void;
}

export class ReadMarkers {
	readonly #wire: Wire;
	#sent = new Map<ChannelId, { no: number; at: number }>();
	#pending = new Map<ChannelId, { no: number; timer: ReturnType<typeof setTimeout> }>();

	constructor(wire: Wire) {
		this.#wire = wire;
	}

	/** The channel was seen down to this number. */
	saw(channel: ChannelId, no: number): void {
		if (no <= this.#wire.readNo(channel)) return;
		if (!this.#wire.isLive()) return this.#tell(channel, no);
		const sent = this.#sent.get(channel);
		const since = sent ? Date.now() - sent.at : Number.POSITIVE_INFINITY;
		if (sent && sent.no >= no && since < TOLD_MS) return;
		if (since >= READ_EVERY_MS) return this.#tell(channel, no);
		const pending = this.#pending.get(channel);
		if (pending) pending.no = Math.max(pending.no, no);
		else {
			const timer = setTimeout(() => this.flush(channel), READ_EVERY_MS - since);
			this.#pending.set(channel, { no, timer });
		}
	}

	/** What waits for its second is told now: nobody may be here when it is over. */
	flush(channel: ChannelId): void {
		const pending = this.#pending.get(channel);
		if (pending) this.#tell(channel, pending.no);
	}

	flushAll(): void {
		for (const channel of [...this.#pending.keys()]) this.flush(channel);
	}

	/** It is unread again: nothing that was seen before counts. */
	forget(channel: ChannelId): void {
		this.#drop(channel);
		this.#sent.delete(channel);
	}

	/** After a break nobody knows what of the sent arrived. */
	doubt(): void {
		this.#sent.clear();
	}

	stop(): void {
		if (this.#wire.isLive()) this.flushAll();
		for (const channel of [...this.#pending.keys()]) this.#drop(channel);
	}

	#tell(channel: ChannelId, seen: number): void {
		const no = Math.max(seen, this.#pending.get(channel)?.no ?? 0);
		this.#drop(channel);
		if (no <= this.#wire.readNo(channel)) return;
		if (this.#wire.isLive() && this.#wire.send(channel, no)) this.#sent.set(channel, { no, at: Date.now() });
		else this.#wire.keep(channel, no);
	}

	#drop(channel: ChannelId): void {
		clearTimeout(this.#pending.get(channel)?.timer);
		this.#pending.delete(channel);
	}
}
