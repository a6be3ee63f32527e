/**
 * The state of this tab's connection, as people are told about it: nothing for two seconds, then a calm bar that says
 * why; a note when WebSockets are blocked; a note when the server was updated.
 */
import type { ConnectionState, ServerVersion } from '@tidings/client';
import { createContext } from 'svelte';

/** How long a connection may be away before anybody is told, in milliseconds. */
export const QUIET_MS = 2_000;
/** How long polling may last before it is named: an upgrade takes a moment. */
const POLLING_NOTE_MS = 5_000;

export class Connection {
	#state = $state.raw<ConnectionState>({ phase: 'connecting', since: 0 });
	#isAway = $state(false);
	#wasLive = $state(false);
	#isPolling = $state(false);
	#isOutdated = $state(false);
	#awayTimer: ReturnType<typeof setTimeout> | undefined;
	#pollingTimer: ReturnType<typeof setTimeout> | undefined;
	#version: ServerVersion | null = null;

	/** What was missed is here, and what happens arrives as it happens. */
	get isLive(): boolean {
		return this.#state.phase === 'live';
	}

	/** The id by which the server knows this tab. */
	get sid(): string | undefined {
		return this.#state.phase === 'live' ? this.#state.sid : undefined;
	}

	/** Away for longer than anybody should wonder. */
	get isAway(): boolean {
		return this.#isAway;
	}

	/** It comes back; before that it comes for the first time. */
	get wasLive(): boolean {
		return this.#wasLive;
	}

	/** The device has no network: nothing that the server could do about. */
	get isOffline(): boolean {
		return this.#state.phase === 'offline' && this.#state.why === 'no-network';
	}

	get isPolling(): boolean {
		return this.#isPolling;
	}

	/** The server runs another version than the one this page came from. */
	get isOutdated(): boolean {
		return this.#isOutdated;
	}

	changed(state: ConnectionState): void {
		this.#state = state;
		if (state.phase === 'live') this.#wasLive = true;
		if (state.phase === 'live' || (state.phase === 'closed' && state.by === 'client')) {
			clearTimeout(this.#awayTimer);
			this.#awayTimer = undefined;
			this.#isAway = false;
		} else this.#awayTimer ??= setTimeout(() => (this.#isAway = true), QUIET_MS);
		clearTimeout(this.#pollingTimer);
		if (state.phase !== 'live' || state.transport === 'websocket') this.#isPolling = false;
		else this.#pollingTimer = setTimeout(() => (this.#isPolling = true), POLLING_NOTE_MS);
	}

	served(version: ServerVersion): void {
		const known = this.#version;
		if (known && (known.version !== version.version || known.deployment_id !== version.deployment_id)) {
			this.#isOutdated = true;
		}
		this.#version ??= version;
	}

	stop(): void {
		clearTimeout(this.#awayTimer);
		clearTimeout(this.#pollingTimer);
	}
}

export const [getConnection, setConnection] = createContext<Connection>();
