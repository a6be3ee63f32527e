/**
 * One connection at a time over socket.io-client: opened, dropped, asked. It decides nothing; `connector.ts` does.
 *
 * Each attempt is a socket of its own, without the library's reconnection, so that no wait hides in it.
 */
import { io, type Socket } from 'socket.io-client';
import { SERVER_EVENT_NAMES, type ClientEvents, type Resumed, type ServerEvent } from '../events.ts';
import type { Transport } from './connector.ts';
import type { Claims } from './follow.ts';

/** What a link tells. After `ended` it tells nothing until it is opened again. */
export interface LinkHost {
	opened(sid: string, transport: Transport): void;
	upgraded(transport: Transport): void;
	/** Something came, be it an event that nobody here knows or an answer; told before what it was. Pings are nothing. */
	heard(): void;
	event(event: ServerEvent): void;
	/** CONNECT was answered, but not as to a person: the token is not valid. */
	nobody(): void;
	answered(resumed: Resumed): void;
	/** `isFinal`: the server said that this client shall stay away. */
	ended(isFinal: boolean): void;
}

export interface Link {
	open(token: string, claims: Claims): void;
	drop(): void;
	/** The command `resume`: answered when what was missed behind these claims has been sent; without any, at once. */
	ask(claims: Claims): void;
	/** Says whether it was sent; nothing is kept for later. */
	send<N extends keyof ClientEvents>(name: N, ...args: Parameters<ClientEvents[N]>): boolean;
}

export interface SocketOptions {
	url: string;
	path: string;
	transports: Transport[];
}

/** How long one transport may try before the next is tried, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

const names: ReadonlySet<string> = new Set(SERVER_EVENT_NAMES);

export class SocketLink implements Link {
	readonly #options: SocketOptions;
	readonly #host: LinkHost;
	#socket: Socket<never, ClientEvents> | null = null;
	#transports: Transport[];

	constructor(options: SocketOptions, host: LinkHost) {
		this.#options = options;
		this.#host = host;
		this.#transports = options.transports;
	}

	open(token: string, claims: Claims): void {
		this.drop();
		const { url, path } = this.#options;
		const socket: Socket<never, ClientEvents> = io(url, {
			path,
			transports: this.#transports,
			tryAllTransports: this.#transports.length > 1,
			timeout: CONNECT_TIMEOUT_MS,
			reconnection: false,
			forceNew: true,
			auth: { token, resume: claims },
		});
		this.#socket = socket;
		let isSomebody = false;
		socket.on('connect', () => {
			const { engine } = socket.io;
			this.#host.opened(socket.id ?? '', engine.transport.name as Transport);
			engine.on('packet', ({ type }: { type: string }) => {
				if (type === 'message' && this.#socket === socket) this.#host.heard();
			});
			engine.on('upgrade', (transport: { name: string }) => this.#host.upgraded(transport.name as Transport));
			// `ready` comes before the answer, unless there is nobody to be ready for.
			socket.emit('heartbeat', {}, () => isSomebody || this.#socket !== socket || this.#host.nobody());
		});
		socket.onAny((name: string, payload: unknown) => {
			if (name === 'ready') isSomebody = true;
			// What a newer server numbers counts, even if nobody here knows what it means.
			if (names.has(name) || hasNumber(payload)) this.#host.event({ name, payload } as ServerEvent);
		});
		socket.on('disconnect', (reason) => this.#ended(reason === 'io server disconnect'));
		socket.on('connect_error', () => {
			this.#preferPolling();
			this.#ended(false);
		});
	}

	drop(): void {
		const socket = this.#socket;
		this.#socket = null;
		socket?.off();
		socket?.offAny();
		socket?.disconnect();
	}

	ask(claims: Claims): void {
		const socket = this.#socket;
		const asksNothing = Object.keys(claims).length === 0;
		socket?.emit('resume', claims, (resumed) => {
			if (this.#socket !== socket) return;
			if (resumed?.rooms) this.#host.answered(resumed);
			// A refusal is an answer too.
			else if (asksNothing) this.#host.answered({ rooms: {} });
		});
	}

	send<N extends keyof ClientEvents>(name: N, ...args: Parameters<ClientEvents[N]>): boolean {
		if (!this.#socket?.connected) return false;
		this.#socket.emit(name, ...args);
		return true;
	}

	#ended(isFinal: boolean): void {
		this.drop();
		this.#host.ended(isFinal);
	}

	/** A WebSocket that hangs instead of failing never reaches the next transport by itself. */
	#preferPolling(): void {
		const [first, second] = this.#transports;
		if (first === 'websocket' && second === 'polling') this.#transports = [second, first];
		else this.#transports = this.#options.transports;
	}
}

function hasNumber(payload: unknown): boolean {
	return typeof payload === 'object' && payload !== null && 'room' in payload && 'seq' in payload;
}
