/**
 * The client of one signed-in person: a connection that comes back by itself, views that stay whole over it, and
 * commands that survive being offline. Put together here; each part is pure or small and lives in a file of its own.
 */
import type { Chance, Clock } from './clock.ts';
import { Alarm, systemClock } from './clock.ts';
import type { ClientEvents, ServerEvent, ServerEventName, ServerPayloads } from './events.ts';
import { guarded } from './guarded.ts';
import { createApi, type Api } from './http.ts';
import { Commands } from './outbox/commands.ts';
import { IndexedDbStore } from './outbox/indexed-db.ts';
import { KeptOrNot } from './outbox/kept-or-not.ts';
import { Outbox } from './outbox/outbox.ts';
import { personOf } from './outbox/person.ts';
import type { OutboxLimits } from './outbox/row.ts';
import { HttpSender } from './outbox/send.ts';
import { MemoryStore, type OutboxStore } from './outbox/store.ts';
import { BrowserTabs, OneTab, type Tabs } from './outbox/tabs.ts';
import { attentive } from './silence.ts';
import { Connector, type ConnectionState, type Transport } from './sync/connector.ts';
import { Follow, type CaughtUp } from './sync/follow.ts';
import { SocketLink, type Link, type LinkHost } from './sync/link.ts';
import { View, type AnyView, type ViewOptions } from './sync/view.ts';
import { watchWake } from './sync/wake.ts';
import type { UserId } from './types.ts';

export interface TidingsOptions {
	/** Origin of the server; empty in a page that the server itself serves. */
	url?: string;
	/** Where the socket is served. */
	path?: string;
	/** The bearer token of now, asked for at each connect and each call. */
	token: () => string | null;
	/** Whose commands these are; default: as the token says. Without either, commands are kept in memory only. */
	person?: UserId;
	/** The token is not valid any more. */
	onUnauthorized?: () => void;
	/** The calls over HTTP; default: made from `url`, `token` and `fetch`. One made elsewhere tells `doubt` of silence. */
	api?: Api;
	fetch?: typeof globalThis.fetch;
	/** Where commands are kept, who of several tabs sends them, and how much is kept at most. */
	outbox?: { store?: OutboxStore; tabs?: Tabs; limits?: Partial<OutboxLimits> };
	transports?: Transport[];
	clock?: Clock;
	random?: Chance;
	/** Another connection than socket.io-client's, for tests. */
	link?: (host: LinkHost) => Link;
}

export type Unsubscribe = () => void;

/** How often a client says that its person is there, in milliseconds. */
const HEARTBEAT_MS = 30_000;
/** How long the first snapshots wait for the connection, so that they are fetched once, in milliseconds. */
const FIRST_WAIT_MS = 400;

export class Tidings {
	readonly api: Api;
	/** Commands that wait, are on their way, or failed. */
	readonly outbox: Outbox;
	readonly commands: Commands;
	readonly #options: TidingsOptions;
	readonly #clock: Clock;
	readonly #chance: Chance;
	readonly #connector: Connector;
	readonly #follow: Follow;
	readonly #link: Link;
	readonly #alarm: Alarm;
	readonly #heart: Alarm;
	readonly #views = new Set<AnyView>();
	readonly #events = new Set<(event: ServerEvent) => void>();
	readonly #states = new Set<(state: ConnectionState) => void>();
	readonly #returns = new Set<(report: CaughtUp) => void>();
	#startedAt = 0;
	/** Something came by polling since the server was last asked for what is missing: an answer to a poll may be lost without a trace. */
	#hasPolled = false;
	#unwatch: (() => void) | null = null;

	constructor(options: TidingsOptions) {
		this.#options = options;
		this.#clock = options.clock ?? systemClock;
		this.#chance = options.random ?? Math.random;
		this.#alarm = new Alarm(this.#clock, () => this.#step(() => this.#connector.tick(this.#clock.now())));
		this.#heart = new Alarm(this.#clock, () => this.#beat());
		this.#connector = new Connector(
			{
				open: () => this.#open(),
				drop: () => {
					this.#follow.lost();
					this.#link.drop();
				},
				ask: () => this.#ask(),
				changed: (state) => this.#changed(state),
			},
			this.#chance,
		);
		this.#follow = new Follow({
			deliver: (event) => this.#deliver(event),
			caughtUp: (report) => {
				for (const told of [...this.#returns]) guarded(() => told(report));
			},
		});
		const host = this.#host();
		this.#link = options.link?.(host) ?? new SocketLink(socketOptions(options), host);
		const { url: baseUrl, token, fetch, onUnauthorized } = options;
		const onSilence = () => this.doubt();
		this.api = options.api ?? createApi({ baseUrl, token, fetch, onUnauthorized, onSilence, clock: this.#clock });
		this.outbox = makeOutbox(options, attentive(fetch, this.#clock, onSilence), this.#clock, this.#chance);
		this.commands = new Commands(this.outbox);
	}

	get state(): ConnectionState {
		return this.#connector.state;
	}

	/** The id by which the server knows this connection; undefined while there is none. */
	get sid(): string | undefined {
		const { state } = this;
		return state.phase === 'live' || state.phase === 'catching-up' ? state.sid : undefined;
	}

	/** Connects, and stays connected until `stop`. */
	start(): void {
		this.#startedAt = this.#clock.now();
		this.#unwatch ??= watchWake(this.#clock, {
			wake: () => this.retryNow(),
			network: (isThere) => this.#step(() => this.#connector.network(this.#clock.now(), isThere)),
		});
		this.connect();
	}

	/** Connects again after the phase `closed`. */
	connect(): void {
		this.#step(() => this.#connector.start(this.#clock.now()));
	}

	/** Closes the connection and all views. What waits to be sent stays. */
	stop(): void {
		this.outbox.close();
		this.#unwatch?.();
		this.#unwatch = null;
		this.#step(() => this.#connector.stop(this.#clock.now()));
		for (const view of [...this.#views]) view.close();
	}

	/** Stops, and forgets what waits to be sent, in every tab. */
	async signOut(): Promise<void> {
		try {
			await this.outbox.clear();
		} finally {
			this.stop();
		}
	}

	/** Connects at once instead of waiting; over a connection that looks alive it asks whether it is. */
	retryNow(): void {
		this.#step(() => this.#connector.wake(this.#clock.now()));
	}

	/** A call got no answer: asks over a connection that looks alive whether it is. For an `api` made elsewhere. */
	doubt(): void {
		this.#step(() => this.#connector.doubt(this.#clock.now()));
	}

	/** Sends a signal. False, and it is dropped, unless the connection is live: nothing is kept for later. */
	send<N extends keyof ClientEvents>(name: N, ...args: Parameters<ClientEvents[N]>): boolean {
		return this.#connector.isLive && this.#link.send(name, ...args);
	}

	/** Content that is fetched once and kept whole by events. Call `open` on the answer. */
	view<T>(options: ViewOptions<T>): View<T> {
		const view = new View(options, {
			clock: this.#clock,
			chance: this.#chance,
			world: this.#follow,
			waitsUntil: () => (this.state.phase === 'connecting' ? this.#startedAt + FIRST_WAIT_MS : 0),
			closed: (closed) => {
				this.#views.delete(closed);
				this.#follow.remove(closed.machine);
			},
		});
		this.#views.add(view);
		this.#follow.add(view.machine);
		return view;
	}

	/** Every event; numbered ones once and in order per room. */
	onEvent(told: (event: ServerEvent) => void): Unsubscribe {
		return subscribe(this.#events, told);
	}

	on<N extends ServerEventName>(name: N, told: (payload: ServerPayloads[N]) => void): Unsubscribe {
		return this.onEvent((event) => {
			if (event.name === name) told(event.payload as ServerPayloads[N]);
		});
	}

	onState(told: (state: ConnectionState) => void): Unsubscribe {
		return subscribe(this.#states, told);
	}

	/** Once per coming back, when everything that was missed has arrived; also after a hole on a live connection. */
	onCaughtUp(told: (report: CaughtUp) => void): Unsubscribe {
		return subscribe(this.#returns, told);
	}

	#host(): LinkHost {
		return {
			opened: (sid, transport) => this.#step((now) => this.#connector.opened(now, sid, transport)),
			upgraded: (transport) => this.#connector.upgraded(transport),
			heard: () => this.#step((now) => this.#connector.heard(now)),
			event: (event) => {
				this.#follow.event(event);
				if (event.name === 'ready') this.#eachView((view) => view.connected());
				if (event.name === 'resumed') this.#step((now) => this.#connector.answered(now));
			},
			nobody: () => {
				this.#step((now) => this.#connector.nobody(now));
				guarded(() => this.#options.onUnauthorized?.());
			},
			answered: (resumed) => {
				this.#follow.resumed(resumed);
				this.#step((now) => this.#connector.answered(now));
			},
			ended: (isFinal) => {
				this.#follow.lost();
				this.#step((now) => this.#connector.ended(now, isFinal));
			},
		};
	}

	#open(): void {
		this.#hasPolled = false;
		const claims = this.#follow.claims();
		this.#follow.connecting(claims);
		this.#link.open(this.#options.token() ?? '', claims);
	}

	/**
	 * Over a connection that did not break nothing was missed: it is asked without claims, so that nothing is sent again
	 * and the answer waits for nothing. A poll may have been lost while the computer slept or had no network.
	 */
	#ask(): void {
		this.#link.ask({});
		if (this.#hasPolled && this.state.phase !== 'live') this.#link.ask(this.#follow.claims());
	}

	#step(run: (now: number) => void): void {
		run(this.#clock.now());
		this.#alarm.set(this.#connector.deadline);
	}

	#changed(state: ConnectionState): void {
		this.outbox.gate(state.phase === 'live');
		const isUp = state.phase === 'live' || state.phase === 'catching-up';
		if (isUp && state.transport === 'polling') this.#hasPolled = true;
		else if (state.phase === 'live') this.#askAfterPolling();
		if (!isUp) this.#heart.set(null);
		else if (state.phase === 'live') this.#heart.set(this.#clock.now() + HEARTBEAT_MS);
		for (const told of [...this.#states]) guarded(() => told(state));
	}

	/** A browser repeats a poll whose connection broke, and the session goes on without what the first answer held. */
	#askAfterPolling(): void {
		if (!this.#hasPolled) return;
		this.#hasPolled = this.state.phase === 'live' && this.state.transport === 'polling';
		this.#link.ask(this.#follow.claims());
	}

	#beat(): void {
		this.#link.send('heartbeat', {});
		this.#askAfterPolling();
		this.#heart.set(this.#clock.now() + HEARTBEAT_MS);
	}

	#deliver(event: ServerEvent): void {
		if (event.name === 'events:channel' && event.payload.data?.type === 'message') {
			const { temp_id } = event.payload.data.data;
			// It happened, so it need not be sent; what is not kept here is not touched.
			if (temp_id) void this.outbox.confirm(temp_id).catch(() => undefined);
		}
		for (const told of [...this.#events]) guarded(() => told(event));
	}

	#eachView(run: (view: AnyView) => void): void {
		for (const view of [...this.#views]) run(view);
	}
}

function subscribe<T>(all: Set<(value: T) => void>, told: (value: T) => void): Unsubscribe {
	const own = (value: T) => told(value);
	all.add(own);
	return () => void all.delete(own);
}

function socketOptions({ url, path, transports }: TidingsOptions) {
	return {
		url: url ?? '',
		path: path ?? '/ws/socket.io',
		transports: transports ?? (['websocket', 'polling'] satisfies Transport[]),
	};
}

function makeOutbox(options: TidingsOptions, fetch: typeof globalThis.fetch, clock: Clock, chance: Chance): Outbox {
	const { token, url = '', onUnauthorized: onRefused } = options;
	const person = options.person ?? personOf(token());
	const name = `tidings-outbox ${url} ${person}`;
	const { store, tabs, limits } = options.outbox ?? {};
	return new Outbox({
		person,
		token,
		clock,
		chance,
		limits,
		onRefused,
		sender: new HttpSender(url, fetch),
		store: store ?? (person !== null && isBrowser() ? new KeptOrNot(new IndexedDbStore(name)) : new MemoryStore()),
		tabs: tabs ?? (person !== null && isBrowser() ? new BrowserTabs(name) : new OneTab()),
	});
}

/** Node has a BroadcastChannel too, but no database that processes share. */
function isBrowser(): boolean {
	return typeof window !== 'undefined' && typeof indexedDB !== 'undefined' && typeof BroadcastChannel !== 'undefined';
}

export function createTidings(options: TidingsOptions): Tidings {
	return new Tidings(options);
}
