/**
 * The client of one signed-in person: a connection that comes back by itself, views that stay whole over it, and
 * commands that survive being offline. Put together here; each part is pure or small and lives in a file of its own.
 */
import type { Chance, Clock } from './clock.ts';
import { Alarm, systemClock } from './clock.ts';
import type { ClientEvents, ServerEvent, ServerEventName, ServerPayloads } from './events.ts';
import { Connector, type ConnectionState, type Transport } from './sync/connector.ts';
import { Follow, type CaughtUp } from './sync/follow.ts';
import { SocketLink, type Link, type LinkHost } from './sync/link.ts';
import { View, guarded, type AnyView, type ViewOptions } from './sync/view.ts';
import { watchWake } from './sync/wake.ts';

export interface TidingsOptions {
	/** Origin of the server; empty in a page that the server itself serves. */
	url?: string;
	/** Where the socket is served. */
	path?: string;
	/** The bearer token of now, asked for at each connect and each call. */
	token: () => string | null;
	/** CONNECT was answered as to nobody: the token is not valid any more. */
	onUnauthorized?: () => void;
	transports?: Transport[];
	clock?: Clock;
	random?: Chance;
	/** Another connection than socket.io-client's, for tests. */
	link?: (host: LinkHost) => Link;
}

export type Unsubscribe = () => void;

/** How often a client says that its person is there, in milliseconds. */
export const HEARTBEAT_MS = 30_000;
/** How long the first snapshots wait for the connection, so that they are fetched once, in milliseconds. */
const FIRST_WAIT_MS = 400;

export class Tidings {
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
				ask: () => this.#link.ask(this.#follow.claims()),
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

	/** Closes the connection and all views. */
	stop(): void {
		this.#unwatch?.();
		this.#unwatch = null;
		this.#step(() => this.#connector.stop(this.#clock.now()));
		for (const view of [...this.#views]) view.close();
	}

	/** Connects at once instead of waiting; over a connection that looks alive it asks whether it is. */
	retryNow(): void {
		this.#step(() => this.#connector.wake(this.#clock.now()));
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
			event: (event) => {
				this.#follow.event(event);
				if (event.name === 'ready') this.#eachView((view) => view.connected());
				this.#step((now) => {
					this.#connector.heard(now);
					if (event.name === 'resumed') this.#connector.answered(now);
				});
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
		const claims = this.#follow.claims();
		this.#follow.connecting(claims);
		this.#link.open(this.#options.token() ?? '', claims);
	}

	#step(run: (now: number) => void): void {
		run(this.#clock.now());
		this.#alarm.set(this.#connector.deadline);
	}

	#changed(state: ConnectionState): void {
		const isUp = state.phase === 'live' || state.phase === 'catching-up';
		if (!isUp) this.#heart.set(null);
		else if (state.phase === 'live') this.#heart.set(this.#clock.now() + HEARTBEAT_MS);
		for (const told of [...this.#states]) guarded(() => told(state));
	}

	#beat(): void {
		this.#link.send('heartbeat', {});
		this.#heart.set(this.#clock.now() + HEARTBEAT_MS);
	}

	#deliver(event: ServerEvent): void {
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

export function createTidings(options: TidingsOptions): Tidings {
	return new Tidings(options);
}
