/**
 * When to connect, when to give up, and what people may be told of it. Pure: what happened and the time go in, wishes
 * come out; `deadline` is when it wants `tick` to be called.
 *
 * connecting → catching-up → live; offline between attempts; closed when told to stay away. A computer that wakes asks
 * once (`ask`) over a connection that looks alive, and connects at once where there is none. One that has lost its
 * network asks too: it is offline until the answer says that it is not. When a request over HTTP gets no answer it asks
 * as well, and is live until that has no answer either. The answer stands behind what is queued on a slow line: a
 * connection that was asked is given up when it is silent, never while it brings something.
 */
import { backoff, type Chance } from '../clock.ts';

export type Transport = 'websocket' | 'polling';

export type ConnectionState =
	/** The first attempt. */
	| { phase: 'connecting'; since: number }
	/** Connected; what was missed is arriving. */
	| { phase: 'catching-up'; since: number; sid: string; transport: Transport }
	| { phase: 'live'; since: number; sid: string; transport: Transport }
	/** Trying again by itself at `retryAt`, or trying now (null). */
	| {
			phase: 'offline';
			since: number;
			why: 'no-network' | 'unreachable';
			attempt: number;
			retryAt: number | null;
	  }
	/** Told to stay away, or closed here, or the token is nobody's. Does not try again by itself. */
	| { phase: 'closed'; since: number; by: 'client' | 'server' | 'nobody' };

export interface ConnectorHost {
	/** Connect now. */
	open(): void;
	/** End what there is, without a word. */
	drop(): void;
	/** Ask the server over the live connection whether it is there; then call `answered`. */
	ask(): void;
	changed(state: ConnectionState): void;
}

/** The wait after the first failure, and the longest before and after many failures, in milliseconds, before jitter. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 3_000;
const TIRED_WAIT_MS = 30_000;
const TIRED_AFTER = 20;
/** How long an attempt may take. */
const OPEN_MS = 15_000;
/** How long a connection that is catching up may bring nothing. */
const SILENT_MS = 30_000;
/** How long a connection that was asked may bring nothing: longer than most round trips, shorter than the bar takes. */
const ANSWER_MS = 1_500;
/** The same of a line that may be slow rather than dead: a request got no answer, or it brought something just now. */
const SLOW_MS = 3_000;
/** How often such a doubt is asked about, at most, in milliseconds. */
const DOUBT_EVERY_MS = 5_000;
/** An attempt this old hangs, as far as somebody knows who just woke. */
const STALE_MS = 2_000;

export class Connector {
	readonly #host: ConnectorHost;
	readonly #chance: Chance;
	#state: ConnectionState = { phase: 'closed', since: 0, by: 'client' };
	#isOpening = false;
	#isAsking = false;
	#askedAt = Number.NEGATIVE_INFINITY;
	/** When the connection last brought something. */
	#heardAt = Number.NEGATIVE_INFINITY;
	#openedAt = 0;
	/** The connection that is asked, to go on with when it answers. */
	#asked: { sid: string; transport: Transport } | null = null;
	#hasNetwork = true;
	#attempt = 0;
	#deadline: number | null = null;

	constructor(host: ConnectorHost, chance: Chance) {
		this.#host = host;
		this.#chance = chance;
	}

	get state(): ConnectionState {
		return this.#state;
	}

	/** When `tick` is due, in milliseconds since the epoch. */
	get deadline(): number | null {
		return this.#deadline;
	}

	get isLive(): boolean {
		return this.#state.phase === 'live';
	}

	/** Connects from `closed`; does nothing else. */
	start(now: number): void {
		if (this.#state.phase !== 'closed') return;
		this.#attempt = 0;
		this.#open(now, { phase: 'connecting', since: now });
	}

	stop(now: number): void {
		this.#close(now, 'client');
	}

	/** CONNECT was answered. */
	opened(now: number, sid: string, transport: Transport): void {
		if (this.#state.phase === 'closed') return;
		this.#isOpening = false;
		this.#deadline = now + SILENT_MS;
		this.#become({ phase: 'catching-up', since: now, sid, transport });
	}

	/** The connection goes on over another transport. */
	upgraded(transport: Transport): void {
		const state = this.#state;
		if (this.#asked !== null) this.#asked = { ...this.#asked, transport };
		if (state.phase === 'live' || state.phase === 'catching-up') this.#become({ ...state, transport });
	}

	/** Anything arrived. */
	heard(now: number): void {
		this.#heardAt = now;
		if (this.#isAsking) this.#deadline = now + SLOW_MS;
		else if (this.#state.phase === 'catching-up') this.#deadline = now + SILENT_MS;
	}

	/** Everything that was missed has arrived, or the server answered `ask`. */
	answered(now: number): void {
		const of = this.#state.phase === 'catching-up' ? this.#state : this.#isAsking ? this.#asked : null;
		if (of === null) return;
		this.#isAsking = false;
		this.#attempt = 0;
		this.#deadline = null;
		if (this.#state.phase !== 'live')
			this.#become({ phase: 'live', since: now, sid: of.sid, transport: of.transport });
	}

	/** CONNECT was answered as to somebody without a valid token. */
	nobody(now: number): void {
		if (this.#state.phase === 'catching-up') this.#close(now, 'nobody');
	}

	/** The connection ended, or an attempt failed. `isFinal`: the server wants this client to stay away. */
	ended(now: number, isFinal = false): void {
		if (this.#state.phase === 'closed') return;
		if (isFinal) return this.#close(now, 'server');
		const wasAsking = this.#isAsking;
		this.#isOpening = false;
		this.#isAsking = false;
		if (wasAsking) return this.#reopen(now);
		this.#attempt += 1;
		const longest = this.#attempt > TIRED_AFTER ? TIRED_WAIT_MS : LONGEST_WAIT_MS;
		this.#deadline = now + backoff(this.#attempt, FIRST_WAIT_MS, longest, this.#chance);
		this.#offline(now, this.#deadline);
	}

	/** The computer woke, the page is looked at again, or somebody does not want to wait. */
	wake(now: number): void {
		switch (this.#state.phase) {
			case 'live':
				return this.#ask(now, { ...this.#state, phase: 'catching-up', since: now });
			case 'connecting':
			case 'offline':
				if (!this.#isOpening || now - this.#openedAt >= STALE_MS) this.#reopen(now);
				return;
			case 'catching-up':
				if (!this.#isAsking && (this.#deadline ?? now) - now <= SILENT_MS - SLOW_MS) this.#reopen(now);
				return;
			case 'closed':
				return;
			default:
				this.#state satisfies never;
		}
	}

	/** A request over HTTP got no answer: the connection beside it may be dead too, and nobody was told. */
	doubt(now: number): void {
		if (this.#isAsking || now - this.#askedAt < DOUBT_EVERY_MS) return;
		this.#ask(now, this.#state, SLOW_MS);
	}

	/** What the browser says of the network. It is believed when it says yes, and only repeated when it says no. */
	network(now: number, isThere: boolean): void {
		const isBack = isThere && !this.#hasNetwork;
		this.#hasNetwork = isThere;
		const { phase } = this.#state;
		// What was begun without a network waits for answers that do not come.
		if (isBack && (phase === 'offline' || phase === 'catching-up')) this.#reopen(now);
		else if (isBack) this.wake(now);
		else if (phase === 'offline') this.#offline(now, this.#state.retryAt);
		else if (!isThere && phase === 'live') this.#ask(now, this.#away(now, null));
		else if (!isThere && phase === 'catching-up') this.#deadline = now + this.#patience(now);
	}

	tick(now: number): void {
		if (this.#deadline === null || now < this.#deadline) return;
		this.#deadline = null;
		switch (this.#state.phase) {
			case 'catching-up':
			case 'live':
				this.#host.drop();
				return this.ended(now);
			case 'connecting':
			case 'offline':
				if (!this.#isOpening && !this.#isAsking) return this.#open(now, this.#state);
				this.#host.drop();
				return this.ended(now);
			case 'closed':
				return;
			default:
				this.#state satisfies never;
		}
	}

	/** Over the connection that there is; `state` is what it is until the answer. */
	#ask(now: number, state: ConnectionState, patience = this.#patience(now)): void {
		if (this.#state.phase !== 'live') return;
		const { sid, transport } = this.#state;
		this.#asked = { sid, transport };
		this.#isAsking = true;
		this.#askedAt = now;
		this.#deadline = now + patience;
		if (state !== this.#state) this.#become(state);
		this.#host.ask();
	}

	#patience(now: number): number {
		return now - this.#heardAt < SLOW_MS ? SLOW_MS : ANSWER_MS;
	}

	#reopen(now: number): void {
		this.#host.drop();
		this.#offline(now, null);
		this.#open(now, this.#state);
	}

	#open(now: number, state: ConnectionState): void {
		this.#isOpening = true;
		this.#openedAt = now;
		this.#isAsking = false;
		this.#deadline = now + OPEN_MS;
		this.#become(state.phase === 'offline' ? { ...state, retryAt: null } : state);
		this.#host.open();
	}

	#offline(now: number, retryAt: number | null): void {
		this.#become(this.#away(now, retryAt));
	}

	#away(now: number, retryAt: number | null): ConnectionState {
		const since = this.#state.phase === 'offline' ? this.#state.since : now;
		const why = this.#hasNetwork ? 'unreachable' : 'no-network';
		return { phase: 'offline', since, why, attempt: this.#attempt, retryAt };
	}

	#close(now: number, by: 'client' | 'server' | 'nobody'): void {
		this.#isOpening = false;
		this.#isAsking = false;
		this.#deadline = null;
		const isClosed = this.#state.phase === 'closed';
		if (!isClosed) this.#host.drop();
		if (!isClosed) this.#become({ phase: 'closed', since: now, by });
	}

	#become(state: ConnectionState): void {
		this.#state = state;
		this.#host.changed(state);
	}
}
