/**
 * What one connection after the other brings, room by room: which events are new, what can be claimed when coming back,
 * and which views must fetch again. Pure: events and snapshots go in, calls on `FollowHost` and on the views come out.
 *
 * Per room it knows the newest position seen on this connection. A claim is honoured by the server or not; here it is
 * checked once more by numbers and times, so that a database that was restored is noticed at the first event at latest.
 */
import { numbered, type NumberedEvent, type Position, type Ready, type Resumed, type ServerEvent } from '../events.ts';
import type { RoomName } from '../types.ts';
import type { AnyMachine, World } from './view-machine.ts';

/** What coming back meant for the rooms. */
export interface CaughtUp {
	/** The first connection of this client. */
	first: boolean;
	/**
	 * Rooms whose events do not go on where the last one was told, or tell some of them again. Their views fetch by
	 * themselves where they have to; whoever keeps anything by the plain stream fetches it anew.
	 */
	refetch: RoomName[];
	/** Rooms that were there before and are not ours any more. */
	left: RoomName[];
}

export interface FollowHost {
	/** An event for everybody; numbered ones come once and in order per room. */
	deliver(event: ServerEvent): void;
	/** Everything that was missed has arrived. Also told when a hole was found on a live connection. */
	caughtUp(report: CaughtUp): void;
}

export type Claims = Record<RoomName, Position>;

export class Follow implements World {
	readonly #host: FollowHost;
	readonly #views = new Set<AnyMachine>();
	#epoch = 0;
	#isConnected = false;
	#isCatchingUp = false;
	#heads = new Map<RoomName, Position>();
	#claimed: ReadonlyMap<RoomName, Position> = new Map();
	/** Rooms in which a hole was noticed on this connection, until it is reported. */
	#lost = new Set<RoomName>();
	/** What is to be reported; it outlives connections that break before they are caught up. */
	#refetch = new Set<RoomName>();
	#left = new Set<RoomName>();

	constructor(host: FollowHost) {
		this.#host = host;
	}

	get epoch(): number {
		return this.#epoch;
	}
	get isConnected(): boolean {
		return this.#isConnected;
	}
	get heads(): ReadonlyMap<RoomName, Position> {
		return this.#heads;
	}

	add(view: AnyMachine): void {
		this.#views.add(view);
	}

	remove(view: AnyMachine): void {
		this.#views.delete(view);
	}

	/** The positions to claim: of each room whose whole content some view holds, the earliest that any of them needs. */
	claims(): Claims {
		const claims: Claims = {};
		for (const view of this.#views) {
			for (const room of view.heldRooms()) {
				const held = view.held(room) as Position;
				if (claims[room] === undefined || held[0] < claims[room][0]) claims[room] = held;
			}
		}
		return claims;
	}

	/** What CONNECT is about to say. */
	connecting(claims: Claims): void {
		this.#claimed = new Map(Object.entries(claims));
	}

	/** The connection is gone. What is held stays, and is claimed when it comes back. */
	lost(): void {
		this.#isConnected = false;
		this.#isCatchingUp = false;
	}

	/** Any event of the connection. */
	event(event: ServerEvent): void {
		switch (event.name) {
			case 'ready':
				this.#ready(event.payload);
				break;
			case 'resumed':
				this.resumed(event.payload);
				break;
			case 'joined':
				this.#joined(event.payload.room, event.payload.position);
				break;
			case 'left':
				this.#leave(event.payload.room);
				break;
			default: {
				const one = numbered(event);
				if (one !== null) return this.#numbered(one);
			}
		}
		this.#host.deliver(event);
	}

	/** Everything that was asked for has been sent: after CONNECT, or as the answer to `resume`. */
	resumed({ rooms }: Resumed): void {
		for (const [room, { recovered, position }] of Object.entries(rooms)) {
			const head = this.#heads.get(room);
			if (head === undefined) continue;
			const isBehind = head[0] < position[0];
			if (recovered && !isBehind) continue;
			// A hole that was noticed before is past: what is live since then counts on.
			if (!this.#lost.has(room) || isBehind) this.#heads.set(room, position);
			this.#lose(room);
		}
		if (this.#isCatchingUp || this.#refetch.size > 0) this.#report();
	}

	#ready({ rooms }: Ready): void {
		const before = this.#heads;
		this.#heads = new Map(Object.entries(rooms));
		this.#epoch += 1;
		this.#isConnected = true;
		this.#isCatchingUp = true;
		this.#lost.clear();
		const claimed = new Map<RoomName, Position>();
		const unknown: RoomName[] = [];
		for (const [room, claim] of this.#claimed) {
			const head = this.#heads.get(room);
			if (head === undefined) continue;
			const isAhead = claim[0] > head[0] || (claim[0] === head[0] && claim[1] !== head[1]);
			if (isAhead) unknown.push(room);
			else claimed.set(room, claim);
		}
		for (const view of this.#views) view.readied(this, claimed);
		for (const [room, claim] of claimed) this.#heads.set(room, claim);
		for (const room of unknown) this.#lose(room);
		this.#goOn(before);
	}

	/** Notes what is not as the plain stream left it, over the connection before. */
	#goOn(before: ReadonlyMap<RoomName, Position>): void {
		for (const [room, [seq, at]] of before) {
			const from = this.#heads.get(room);
			if (from === undefined) this.#left.add(room);
			// Nobody claimed it where the stream was: no view held it then, or one had fetched what is newer.
			else if (from[0] !== seq || from[1] !== at) this.#refetch.add(room);
		}
		for (const room of this.#refetch) if (!this.#heads.has(room)) this.#refetch.delete(room);
		for (const room of this.#left) {
			if (!this.#heads.has(room)) continue;
			// It went and came while nobody could be told.
			this.#left.delete(room);
			this.#refetch.add(room);
		}
	}

	#joined(room: RoomName, position: Position): void {
		this.#heads.set(room, position);
		// It was left while away; what happened until now is not told.
		if (this.#left.delete(room)) this.#refetch.add(room);
		for (const view of this.#covering(room)) view.entered(room, position);
	}

	#leave(room: RoomName): void {
		this.#heads.delete(room);
		this.#lost.delete(room);
		this.#refetch.delete(room);
		for (const view of this.#covering(room)) view.left(room, this);
	}

	#numbered(event: NumberedEvent): void {
		const { room, seq, at } = event.payload;
		const head = this.#heads.get(room);
		if (head !== undefined && seq <= head[0]) {
			if (seq < head[0] || at === head[1]) return;
			this.#lose(room);
		} else if (head !== undefined && seq > head[0] + 1) this.#lose(room);
		this.#heads.set(room, [seq, at]);
		for (const view of this.#covering(room)) view.event(event);
		this.#host.deliver(event);
		if (!this.#isCatchingUp && this.#refetch.size > 0) this.#report();
	}

	#lose(room: RoomName): void {
		this.#lost.add(room);
		this.#refetch.add(room);
		for (const view of this.#covering(room)) view.lost(room);
	}

	#report(): void {
		const report = { first: this.#isFirst(), refetch: [...this.#refetch], left: [...this.#left] };
		this.#isCatchingUp = false;
		this.#lost.clear();
		this.#refetch.clear();
		this.#left.clear();
		this.#host.caughtUp(report);
	}

	#isFirst(): boolean {
		return this.#isCatchingUp && this.#epoch === 1;
	}

	#covering(room: RoomName): AnyMachine[] {
		return [...this.#views].filter((view) => view.covers(room));
	}
}
