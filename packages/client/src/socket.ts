/**
 * The live connection: one Socket.IO socket that reads its token at every connect, asks for numbered events, falls back
 * to polling where WebSockets are blocked, and says in what state it is.
 *
 * It keeps nothing of what it delivers; see `positions.ts` for which events are new.
 */
import { io, type Socket } from 'socket.io-client';
import { SERVER_EVENT_NAMES, type ClientEvents, type ServerEvent, type ServerEvents } from './events.ts';

export type Transport = 'websocket' | 'polling';

export type ConnectionState =
	| { phase: 'connecting' }
	| { phase: 'connected'; sid: string; transport: Transport }
	/** Trying again by itself. */
	| { phase: 'lost' }
	/** Told to stay away (signed out, disabled), or closed here. Does not try again by itself. */
	| { phase: 'closed'; byServer: boolean };

export interface LiveOptions {
	/** Origin of the server; empty in a page that the server itself serves. */
	baseUrl?: string;
	path?: string;
	token: () => string | null;
	onEvent: (event: ServerEvent) => void;
	onState: (state: ConnectionState) => void;
	transports?: Transport[];
}

/** How often a client says that its person is there, in milliseconds. */
export const HEARTBEAT_MS = 30_000;
/** How long one transport may try before the next is tried, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

export class Live {
	readonly #socket: Socket<ServerEvents, ClientEvents>;
	readonly #options: LiveOptions;
	#heartbeat: ReturnType<typeof setInterval> | undefined;
	#everConnected = false;

	constructor(options: LiveOptions) {
		this.#options = options;
		const transports = options.transports ?? ['websocket', 'polling'];
		this.#socket = io(options.baseUrl ?? '', {
			path: options.path ?? '/ws/socket.io',
			transports,
			tryAllTransports: transports.length > 1,
			timeout: CONNECT_TIMEOUT_MS,
			reconnectionDelay: 1000,
			reconnectionDelayMax: 5000,
			randomizationFactor: 0.5,
			forceNew: true,
			autoConnect: false,
			auth: (give) => give({ token: options.token() ?? '', resume: {} }),
		});
		this.#listen();
	}

	connect(): void {
		this.#options.onState({ phase: 'connecting' });
		this.#socket.connect();
	}

	/** Tries again now instead of waiting for the next attempt. */
	retryNow(): void {
		if (this.#socket.connected) return;
		this.#socket.disconnect();
		this.#socket.connect();
	}

	close(): void {
		clearInterval(this.#heartbeat);
		this.#socket.off();
		this.#socket.disconnect();
		this.#options.onState({ phase: 'closed', byServer: false });
	}

	/** The id by which the server knows this connection; undefined while there is none. */
	get sid(): string | undefined {
		return this.#socket.id;
	}

	/** Sends, unless there is no connection: nothing is kept for later. Says whether it was sent. */
	send<N extends keyof ClientEvents>(name: N, ...args: Parameters<ClientEvents[N]>): boolean {
		if (!this.#socket.connected) return false;
		this.#socket.emit(name, ...args);
		return true;
	}

	#listen(): void {
		const socket = this.#socket;
		for (const name of SERVER_EVENT_NAMES) {
			const deliver = (payload: unknown) => this.#options.onEvent({ name, payload } as ServerEvent);
			(socket as Socket).on(name, deliver);
		}
		socket.on('connect', () => {
			this.#everConnected = true;
			clearInterval(this.#heartbeat);
			this.#heartbeat = setInterval(() => this.send('heartbeat', {}), HEARTBEAT_MS);
			this.#report();
			socket.io.engine.on('upgrade', () => this.#report());
		});
		socket.on('disconnect', (reason) => {
			clearInterval(this.#heartbeat);
			if (reason === 'io server disconnect') this.#options.onState({ phase: 'closed', byServer: true });
			else if (reason !== 'io client disconnect') this.#options.onState({ phase: 'lost' });
		});
		socket.on('connect_error', () => {
			this.#options.onState({ phase: 'lost' });
			this.#preferPolling();
		});
	}

	/** A WebSocket that hangs instead of failing never reaches the next transport by itself. */
	#preferPolling(): void {
		const opts = this.#socket.io.opts;
		const names = opts.transports as Transport[] | undefined;
		if (this.#everConnected || !names || names[0] !== 'websocket' || names.length < 2) return;
		opts.transports = ['polling', 'websocket'];
	}

	#report(): void {
		const { id, connected, io: manager } = this.#socket;
		if (!connected || id === undefined) return;
		const transport = manager.engine.transport.name as Transport;
		this.#options.onState({ phase: 'connected', sid: id, transport });
	}
}
