/**
 * A simulated clock, network and server for the tests of coming back. Seeded: the same number is the same story.
 *
 * The server keeps its own history; what it does is what `crates/server/src/hub` does, in a few lines.
 */
import type { Heads, Snapshot } from '../src/as-of.ts';
import type { Clock } from '../src/clock.ts';
import { ApiError, Unreachable } from '../src/errors.ts';
import type { Position, ServerEvent } from '../src/events.ts';
import type { Claims } from '../src/sync/follow.ts';
import type { Link, LinkHost } from '../src/sync/link.ts';

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function chance(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

const { setImmediate } = globalThis as unknown as { setImmediate: (run: () => void) => void };

/** Everything that promises have to do now is done. */
function settled(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

export class SimClock implements Clock {
	#now = 1_700_000_000_000;
	#timers: { at: number; order: number; run: () => void }[] = [];
	#order = 0;

	now(): number {
		return this.#now;
	}

	after(ms: number, run: () => void): () => void {
		const timer = { at: this.#now + ms, order: this.#order++, run };
		this.#timers.push(timer);
		return () => {
			this.#timers = this.#timers.filter((one) => one !== timer);
		};
	}

	/** Runs what is due within so many milliseconds, one by one, and lets promises settle between. */
	async pass(ms: number): Promise<void> {
		const until = this.#now + ms;
		await settled();
		for (;;) {
			const due = this.#timers.filter((timer) => timer.at <= until);
			if (due.length === 0) break;
			const next = due.reduce((first, one) =>
				one.at < first.at || (one.at === first.at && one.order < first.order) ? one : first,
			);
			this.#timers = this.#timers.filter((one) => one !== next);
			this.#now = Math.max(this.#now, next.at);
			next.run();
			await settled();
		}
		this.#now = until;
	}

	/** The computer sleeps: time goes on, and nothing runs. */
	sleep(ms: number): void {
		this.#now += ms;
	}
}

interface Entry {
	seq: number;
	at: number;
	id: string;
}

/** The most that is fed in one room, small so that the tests meet it. */
const MAX_MISSED = 30;

export class SimServer {
	readonly #clock: SimClock;
	readonly #chance: () => number;
	logs = new Map<string, Entry[]>();
	/** Rooms of the one person of the story. */
	rooms = new Set<string>();
	/** Per room, up to which number the log was pruned. */
	#pruned = new Map<string, number>();
	isUp = true;
	/** What the server does wrong, for tests of the tests. */
	plant: 'none' | 'times-unchecked' = 'none';
	connection: SimConnection | null = null;
	#ids = 0;

	constructor(clock: SimClock, random: () => number) {
		this.#clock = clock;
		this.#chance = random;
	}

	log(room: string): Entry[] {
		let log = this.logs.get(room);
		if (!log) this.logs.set(room, (log = []));
		return log;
	}

	head(room: string): Position {
		const last = this.log(room).at(-1);
		return last ? [last.seq, last.at] : [0, 0];
	}

	/** An event is committed and delivered, unless something goes wrong on the way. */
	emit(room: string, fault: 'none' | 'lost' | 'twice' = 'none'): void {
		const log = this.log(room);
		this.#ids += 1;
		// Commit times are not unique: two events of a room often share one.
		const at = Math.floor(this.#clock.now() / 40) * 40;
		const entry = { seq: log.length + 1, at, id: `${room} ${this.#ids}` };
		log.push(entry);
		this.connection?.publish(room, entry, fault);
	}

	prune(room: string): void {
		this.#pruned.set(room, Math.floor(this.log(room).length * this.#chance()));
	}

	join(room: string): void {
		if (this.rooms.has(room)) return;
		this.rooms.add(room);
		this.connection?.joined(room);
	}

	leave(room: string): void {
		if (this.rooms.delete(room)) this.connection?.left(room);
	}

	/** The process ends, with everything that is on the wire. */
	stop(): void {
		this.isUp = false;
		this.connection?.cut();
		this.connection = null;
	}

	/** It starts again, perhaps over a database of before. */
	start(restore = false): void {
		this.isUp = true;
		if (!restore) return;
		for (const [room, log] of this.logs) {
			const kept = log.slice(0, Math.floor(log.length * this.#chance()));
			this.logs.set(room, kept);
			this.#pruned.set(room, Math.min(this.#pruned.get(room) ?? 0, kept.length));
		}
	}

	verdict(room: string, claim: Position | undefined): number | 'new' | 'lost' {
		if (claim === undefined) return 'new';
		const log = this.log(room);
		const [seq, at] = claim;
		const pruned = this.#pruned.get(room) ?? 0;
		if (seq > log.length || log.length - seq > MAX_MISSED) return 'lost';
		if (seq < log.length && seq <= pruned && pruned > 0) return 'lost';
		if (seq > 0 && log[seq - 1]?.at !== at && this.plant !== 'times-unchecked') return 'lost';
		return seq;
	}

	/** A snapshot over HTTP: read some time after it is asked for, arriving some time after that. */
	snapshot(covers: (room: string) => boolean, slow = 1): Promise<Snapshot<Record<string, string[]>>> {
		const delay = () => 1 + Math.floor(this.#chance() * 60 * slow);
		return new Promise((resolve, reject) => {
			const fails = this.#chance() < 0.1;
			const hangs = this.#chance() < 0.02;
			this.#clock.after(delay(), () => {
				if (hangs) return;
				if (!this.isUp || fails) return this.#clock.after(5, () => reject(new Unreachable('cut')));
				if (![...this.rooms].some(covers)) {
					return this.#clock.after(delay(), () => reject(new ApiError(404, 'not_found', 'not found')));
				}
				const body: Record<string, string[]> = {};
				const heads: Record<string, Position> = {};
				for (const room of this.rooms) {
					if (!covers(room)) continue;
					body[room] = this.log(room).map((entry) => entry.id);
					heads[room] = this.head(room);
				}
				return this.#clock.after(delay(), () => resolve({ body, heads: heads as Heads }));
			});
		});
	}

	link(host: LinkHost): SimLink {
		return new SimLink(this, this.#clock, this.#chance, host);
	}
}

/** The client's end. */
export class SimLink implements Link {
	readonly #server: SimServer;
	readonly #clock: SimClock;
	readonly #chance: () => number;
	readonly #host: LinkHost;
	#connection: SimConnection | null = null;
	#attempt = 0;
	/** What the last CONNECT claimed. */
	claimed: Claims = {};

	constructor(server: SimServer, clock: SimClock, random: () => number, host: LinkHost) {
		this.#server = server;
		this.#clock = clock;
		this.#chance = random;
		this.#host = host;
	}

	open(_token: string, claims: Claims): void {
		this.claimed = claims;
		const attempt = ++this.#attempt;
		this.#clock.after(5 + this.#chance() * 40, () => {
			if (attempt !== this.#attempt) return;
			if (!this.#server.isUp || this.#chance() < 0.1) return this.#host.ended(false);
			this.#server.connection?.cut();
			this.#connection = new SimConnection(this.#server, this.#clock, this.#chance, {
				...this.#host,
				ended: (isFinal) => {
					if (attempt === this.#attempt) this.#host.ended(isFinal);
				},
			});
			this.#server.connection = this.#connection;
			this.#connection.enter(claims);
		});
	}

	drop(): void {
		this.#attempt += 1;
		this.#connection?.abandon();
		if (this.#server.connection === this.#connection) this.#server.connection = null;
		this.#connection = null;
	}

	ask(claims: Claims): void {
		this.#connection?.resume(claims);
	}

	send(): boolean {
		return this.#connection !== null;
	}
}

/** One connection, with its latency, as the server keeps it: per room live or behind. */
export class SimConnection {
	readonly #server: SimServer;
	readonly #clock: SimClock;
	readonly #chance: () => number;
	readonly #host: LinkHost;
	readonly #live = new Set<string>();
	readonly #behind = new Map<string, number>();
	#results: Record<string, { recovered: boolean; position: Position }> = {};
	#asked: ('connect' | 'resume')[] = [];
	#arrives = 0;
	#isOpen = true;
	/** Nothing arrives any more, and nobody knows it. */
	isDead = false;

	constructor(server: SimServer, clock: SimClock, random: () => number, host: LinkHost) {
		this.#server = server;
		this.#clock = clock;
		this.#chance = random;
		this.#host = host;
	}

	/** Alive, and everything that was sent has arrived. */
	get isIdle(): boolean {
		return this.#isOpen && !this.isDead && this.#behind.size === 0 && this.#arrives <= this.#clock.now();
	}

	enter(claims: Claims): void {
		this.#send(() => this.#host.opened('sid', 'websocket'));
		const heads: Record<string, Position> = {};
		for (const room of this.#server.rooms) heads[room] = this.#server.head(room);
		this.#tell({ name: 'ready', payload: { user_id: 'me', rooms: heads } });
		this.#start(claims, [...this.#server.rooms], 'connect');
	}

	resume(claims: Claims): void {
		this.#clock.after(1 + this.#chance() * 20, () => {
			if (!this.#isOpen || this.isDead) return;
			if (Object.keys(claims).length === 0) return this.#send(() => this.#host.answered({ rooms: {} }));
			this.#start(
				claims,
				Object.keys(claims).filter((room) => this.#live.has(room)),
				'resume',
			);
		});
	}

	publish(room: string, entry: Entry, fault: 'none' | 'lost' | 'twice'): void {
		if (!this.#live.has(room) || fault === 'lost') return;
		this.#event(room, entry);
		if (fault === 'twice') this.#event(room, entry);
	}

	/** A slow reader: fed from the log from here on. */
	fallBehind(): void {
		for (const room of [...this.#live]) {
			this.#live.delete(room);
			this.#behind.set(room, this.#server.head(room)[0]);
		}
		this.#asked.push('connect');
		this.#feed();
	}

	joined(room: string): void {
		this.#tell({ name: 'joined', payload: { room, position: this.#server.head(room) } });
		this.#live.add(room);
	}

	left(room: string): void {
		this.#live.delete(room);
		this.#behind.delete(room);
		this.#tell({ name: 'left', payload: { room } });
	}

	/** The server's end is gone; the client hears of it. */
	cut(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#clock.after(this.isDead ? 5_000 : 5, () => this.#host.ended(false));
	}

	abandon(): void {
		this.#isOpen = false;
	}

	#start(claims: Claims, rooms: string[], how: 'connect' | 'resume'): void {
		this.#asked.push(how);
		for (const room of rooms) {
			const verdict = this.#server.verdict(room, claims[room]);
			const head = this.#server.head(room);
			if (typeof verdict === 'number' && verdict < head[0]) {
				this.#live.delete(room);
				this.#behind.set(room, verdict);
				continue;
			}
			if (verdict !== 'new') this.#results[room] = { recovered: verdict !== 'lost', position: head };
			this.#live.add(room);
		}
		this.#feed();
	}

	/** A page of one room, and later the next. */
	#feed(): void {
		if (!this.#isOpen) return;
		const [first] = this.#behind;
		if (first === undefined) return this.#finish();
		const [room, cursor] = first;
		const page = this.#server.log(room).slice(cursor, cursor + 7);
		for (const entry of page) this.#event(room, entry);
		const reached = cursor + page.length;
		this.#behind.set(room, reached);
		const head = this.#server.head(room);
		if (reached >= head[0]) {
			this.#behind.delete(room);
			this.#live.add(room);
			this.#results[room] = { recovered: true, position: head };
		}
		this.#clock.after(1 + this.#chance() * 10, () => this.#feed());
	}

	#finish(): void {
		const asked = this.#asked.splice(0);
		if (asked.length === 0) return;
		const resumed = { rooms: this.#results };
		this.#results = {};
		if (asked.includes('resume')) this.#send(() => this.#host.answered(resumed));
		if (asked.includes('connect')) this.#tell({ name: 'resumed', payload: resumed });
	}

	#event(room: string, { seq, at, id }: Entry): void {
		this.#tell({ name: 'channel:added', payload: { channel_id: id, room, seq, at } });
	}

	#tell(event: ServerEvent): void {
		this.#send(() => this.#host.event(event));
	}

	/** In order, each a little later; nothing after the connection is gone. */
	#send(run: () => void): void {
		const { isDead } = this;
		this.#arrives = Math.max(this.#arrives, this.#clock.now() + 1 + this.#chance() * 30);
		this.#clock.after(this.#arrives - this.#clock.now(), () => {
			if (!this.#isOpen || isDead || this.isDead) return;
			this.#host.heard();
			run();
		});
	}
}
