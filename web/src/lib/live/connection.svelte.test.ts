import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Connection, QUIET_MS } from './connection.svelte';

describe('Connection', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());
	const live = (transport: 'websocket' | 'polling') => ({ phase: 'live', since: 0, sid: 's', transport }) as const;
	const offline = (why: 'no-network' | 'unreachable') =>
		({ phase: 'offline', since: 0, why, attempt: 1, retryAt: null }) as const;

	it('says nothing of a short break', () => {
		const connection = new Connection();
		connection.changed(live('websocket'));
		connection.changed(offline('unreachable'));
		vi.advanceTimersByTime(QUIET_MS - 1);
		connection.changed(offline('unreachable'));
		expect(connection.isAway).toBe(false);
		vi.advanceTimersByTime(1);
		expect(connection.isAway).toBe(true);
		connection.changed(live('websocket'));
		expect(connection.isAway).toBe(false);
	});

	it('is away at first too, and while it catches up', () => {
		const connection = new Connection();
		connection.changed({ phase: 'connecting', since: 0 });
		vi.advanceTimersByTime(QUIET_MS);
		expect([connection.isAway, connection.wasLive]).toEqual([true, false]);
		connection.changed({ phase: 'catching-up', since: 0, sid: 's', transport: 'websocket' });
		expect(connection.isAway).toBe(true);
		connection.changed(live('websocket'));
		expect([connection.isAway, connection.wasLive]).toEqual([false, true]);
	});

	it('knows a device without a network from a server that does not answer', () => {
		const connection = new Connection();
		connection.changed(offline('no-network'));
		expect(connection.isOffline).toBe(true);
		connection.changed(offline('unreachable'));
		expect(connection.isOffline).toBe(false);
	});

	it('names polling only when it lasts', () => {
		const connection = new Connection();
		connection.changed(live('polling'));
		expect(connection.isPolling).toBe(false);
		vi.advanceTimersByTime(60_000);
		expect(connection.isPolling).toBe(true);
		connection.changed(live('websocket'));
		expect(connection.isPolling).toBe(false);
	});

	it('notices that the server was updated', () => {
		const connection = new Connection();
		connection.served({ version: '1', deployment_id: 'a' });
		connection.served({ version: '1', deployment_id: 'a' });
		expect(connection.isOutdated).toBe(false);
		connection.served({ version: '2', deployment_id: 'a' });
		expect(connection.isOutdated).toBe(true);
	});
});
