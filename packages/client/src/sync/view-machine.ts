/**
 * One view: a snapshot and the events that follow it, kept whole. Pure: it neither fetches nor waits.
 *
 * unknown → loading → live ⇄ repairing; `failed` when the server refuses the snapshot, `gone` when none of its rooms is
 * ours any more. While it loads, events wait in a buffer; the snapshot drops what it covers, and what is left must
 * follow it without a hole, else the snapshot is fetched again. `live` means whole up to what is held, whether or not
 * there is a connection now. The connection's side of it is `follow.ts`.
 */
import type { Heads } from '../as-of.ts';
import type { NumberedEvent, Position } from '../events.ts';
import type { RoomName } from '../types.ts';

/** The most events that wait for a snapshot. What is beyond makes the snapshot be fetched again. */
export const MAX_WAITING = 1_000;

export type ViewPhase = 'unknown' | 'loading' | 'live' | 'repairing' | 'failed' | 'gone';

/** What the view asks of its surroundings. */
export interface ViewHost<T> {
	/** A snapshot is wanted; call `begun` when it is asked for, then `loaded` or `refused`. */
	want(): void;
	/** No snapshot is wanted any more. */
	unwant(): void;
	replace(body: T): void;
	apply(event: NumberedEvent): void;
	changed(): void;
}

/** What is known of the connection when a snapshot begins or arrives. */
export interface World {
	/** Grows with every `ready`; 0 before the first. */
	readonly epoch: number;
	/** Whether the connection of that epoch is still there. */
	readonly isConnected: boolean;
	/** The rooms of this connection with the newest position seen in each. */
	readonly heads: ReadonlyMap<RoomName, Position>;
}

interface Ticket {
	epoch: number;
	/** The heads when the snapshot was asked for: it holds at least these. */
	heads: ReadonlyMap<RoomName, Position>;
}

/** A view's machine, whatever its content is. */
export type AnyMachine = Omit<ViewMachine<unknown>, 'loaded'>;

export class ViewMachine<T> {
	readonly covers: (room: RoomName) => boolean;
	readonly #host: ViewHost<T>;
	readonly #isNamed: boolean;
	#phase: ViewPhase = 'unknown';
	/** Up to where the content is, per room. Means something only while the view is whole. */
	#held = new Map<RoomName, Position>();
	#hasContent = false;
	#isWhole = false;
	/** What arrived since the snapshot under way was asked for; null while none is wanted. */
	#waiting: NumberedEvent[] | null = null;
	#ticket: Ticket | null = null;
	/** One of its rooms was entered since: a refusal may be of before that. */
	#isEntered = false;

	/** `rooms` by name, or a rule where they come and go. */
	constructor(rooms: readonly RoomName[] | ((room: RoomName) => boolean), host: ViewHost<T>) {
		this.#isNamed = typeof rooms !== 'function';
		this.covers = typeof rooms === 'function' ? rooms : (room) => rooms.includes(room);
		this.#host = host;
	}

	get phase(): ViewPhase {
		return this.#phase;
	}

	get waiting(): number {
		return this.#waiting?.length ?? 0;
	}

	/** Up to where whole content of this room is held: what may be claimed when coming back. */
	held(room: RoomName): Position | undefined {
		return this.#isWhole ? this.#held.get(room) : undefined;
	}

	heldRooms(): Iterable<RoomName> {
		return this.#isWhole ? this.#held.keys() : [];
	}

	/** Wants the content, if it is not held or wanted already. */
	open(): void {
		if (this.#phase === 'unknown' || this.#phase === 'failed') this.reload();
	}

	/** Wants a new snapshot. What is shown stays and goes on to follow while it is whole. */
	reload(): void {
		this.#waiting = [];
		this.#ticket = null;
		this.#settle();
		this.#host.want();
	}

	close(): void {
		this.#forget('unknown');
	}

	/** The snapshot is being asked for, now. */
	begun(world: World): void {
		if (this.#waiting === null) return;
		this.#waiting = [];
		this.#isEntered = false;
		this.#ticket = { epoch: world.epoch, heads: new Map(world.heads) };
	}

	/** The snapshot that was begun last has arrived. */
	loaded(body: T, heads: Heads, world: World): void {
		const ticket = this.#ticket;
		const waiting = this.#waiting;
		if (ticket === null || waiting === null) return;
		this.#ticket = null;
		this.#hasContent = true;
		this.#host.replace(body);
		const held = this.#positions(heads, ticket, world);
		const rest = held && world.isConnected ? following(held, waiting, ticket.epoch, world) : [];
		if (held === null || rest === null) {
			this.#isWhole = false;
			this.#waiting = [];
			this.#settle();
			return this.#host.want();
		}
		this.#held = held;
		this.#isWhole = true;
		this.#waiting = null;
		for (const event of rest) this.#apply(event);
		this.#settle();
	}

	/** The server refuses the snapshot for good. */
	refused(): void {
		if (this.#isEntered) return this.#host.want();
		this.#waiting = null;
		this.#ticket = null;
		this.#isWhole = false;
		this.#phase = 'failed';
		this.#host.changed();
	}

	/** The next event of a room that it covers. */
	event(event: NumberedEvent): void {
		const { room, seq, at } = event.payload;
		if (this.#isWhole) {
			const held = this.#held.get(room);
			if (held === undefined || seq > held[0] + 1 || (seq === held[0] && at !== held[1])) this.#repair();
			else if (seq === held[0] + 1) this.#apply(event);
		}
		if (this.#ticket === null || this.#waiting === null) return; // A snapshot that is asked for later holds it.
		if (this.#waiting.length >= MAX_WAITING) this.#waiting = [];
		this.#waiting.push(event);
	}

	/** A connection is ready: every room of it, and the positions that were claimed when it was made. */
	readied(world: World, claimed: ReadonlyMap<RoomName, Position>): void {
		for (const room of [...this.#held.keys()]) if (!world.heads.has(room)) this.left(room, world);
		// What another connection brought follows nothing here, unless the room is followed on from a claim.
		this.#waiting = this.#waiting?.filter((event) => claimed.has(event.payload.room)) ?? null;
		for (const [room, head] of world.heads) {
			if (!this.covers(room)) continue;
			this.#isEntered = true;
			if (this.#isOut) return this.reload();
			if (!this.#isWhole) return;
			const held = this.#held.get(room);
			const isSame = held !== undefined && held[0] === head[0] && held[1] === head[1];
			if (!isSame && !isFed(held, claimed.get(room), head)) this.#repair();
		}
	}

	/** The room cannot be followed from what is held: its content is fetched again. */
	lost(room: RoomName): void {
		if (this.#waiting !== null) this.#waiting = this.#waiting.filter((event) => event.payload.room !== room);
		if (this.#isWhole) this.#repair();
	}

	/** The socket is in this room from this position on. */
	entered(room: RoomName, [seq, at]: Position): void {
		this.#isEntered = true;
		if (this.#isOut) return this.reload();
		const held = this.#held.get(room);
		if (this.#isWhole && (held?.[0] !== seq || held[1] !== at)) this.#repair();
	}

	/** The room is not ours any more: what is held of it is forgotten. */
	left(room: RoomName, others: World): void {
		this.#held.delete(room);
		if (this.#waiting !== null) this.#waiting = this.#waiting.filter((event) => event.payload.room !== room);
		if (this.#phase === 'unknown' || !this.#isNamed) return;
		for (const other of others.heads.keys()) if (other !== room && this.covers(other)) return;
		this.#forget('gone');
	}

	/** Without content because there was no right to it, or no room: entering the room may have changed that. */
	get #isOut(): boolean {
		return this.#phase === 'gone' || this.#phase === 'failed';
	}

	#repair(): void {
		this.#isWhole = false;
		if (this.#waiting === null) this.reload();
		else this.#settle();
	}

	#apply(event: NumberedEvent): void {
		const { room, seq, at } = event.payload;
		this.#held.set(room, [seq, at]);
		this.#host.apply(event);
	}

	/**
	 * Where the content stands in each room that it covers, or null if that is not known. Without a connection the
	 * positions are taken as they are: they are claimed when it comes, and the server judges them.
	 */
	#positions(heads: Heads, ticket: Ticket, world: World): Map<RoomName, Position> | null {
		const positions = new Map<RoomName, Position>();
		for (const [room, position] of Object.entries(heads)) {
			if (this.covers(room) && (!world.isConnected || world.heads.has(room))) positions.set(room, position);
		}
		if (!world.isConnected) return positions;
		const isSilent = Object.keys(heads).length === 0;
		for (const room of world.heads.keys()) {
			if (!this.covers(room) || positions.has(room)) continue;
			const before = ticket.epoch === world.epoch ? ticket.heads.get(room) : undefined;
			if (before === undefined) return null;
			// A snapshot that names other rooms holds nothing of this one: its first event, or entering it anew, repairs.
			if (isSilent) positions.set(room, before);
		}
		return positions;
	}

	#forget(phase: ViewPhase): void {
		this.#held.clear();
		this.#hasContent = false;
		this.#isWhole = false;
		this.#waiting = null;
		this.#ticket = null;
		this.#phase = phase;
		this.#host.unwant();
		this.#host.changed();
	}

	#settle(): void {
		const phase = this.#isWhole ? 'live' : this.#hasContent ? 'repairing' : 'loading';
		if (phase === this.#phase) return;
		this.#phase = phase;
		this.#host.changed();
	}
}

/** Whether what is missing between what is held and the head will be sent, because this or something earlier was claimed. */
function isFed(held: Position | undefined, claim: Position | undefined, head: Position): boolean {
	if (held === undefined || claim === undefined || held[0] >= head[0]) return false;
	// Beyond the claim, the time is compared when the event itself comes by.
	return held[0] > claim[0] || (held[0] === claim[0] && held[1] === claim[1]);
}

/** What of the waiting events follows these positions, in the order of arrival; null if there is a hole in any room. */
function following(
	held: ReadonlyMap<RoomName, Position>,
	waiting: readonly NumberedEvent[],
	epoch: number,
	world: World,
): NumberedEvent[] | null {
	const at = new Map(held);
	/** Rooms whose snapshot is known to be of this connection's history. */
	const known = new Set<RoomName>();
	const rest: NumberedEvent[] = [];
	for (const event of waiting) {
		const { room, seq, at: time } = event.payload;
		const [before] = at.get(room) ?? [];
		if (before === undefined || seq > before + 1) return null;
		const start = held.get(room) as Position;
		if (seq === start[0]) {
			if (time !== start[1]) return null;
			known.add(room);
		}
		if (seq !== before + 1) continue;
		at.set(room, [seq, time]);
		rest.push(event);
	}
	for (const [room, position] of held) {
		const head = world.heads.get(room);
		if (head === undefined) continue;
		if ((at.get(room) as Position)[0] < head[0]) return null;
		if (position[0] === head[0] && position[1] !== head[1]) return null;
		const isKnown = known.has(room) || (position[0] === head[0] && position[1] === head[1]);
		// Asked for over an earlier connection: a restored database may have answered it.
		if (epoch !== world.epoch && !isKnown) return null;
	}
	return rest;
}
