import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Connection, QUIET_MS } from './connection.svelte';

describe('Connection', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());
	const connected = (transport: 'websocket' | 'polling') => ({ phase: 'connected', sid: 's', transport }) as const;

	it('says nothing of a short break', () => {
		const connection = new Connection();
		connection.changed(connected('websocket'));
		connection.changed({ phase: 'lost' });
		vi.advanceTimersByTime(QUIET_MS - 1);
		connection.changed({ phase: 'lost' });
		expect(connection.isAway).toBe(false);
		vi.advanceTimersByTime(1);
		expect(connection.isAway).toBe(true);
		connection.changed(connected('websocket'));
		expect(connection.isAway).toBe(false);
	});

	it('names polling only when it lasts', () => {
		const connection = new Connection();
		connection.changed(connected('polling'));
		expect(connection.isPolling).toBe(false);
		vi.advanceTimersByTime(60_000);
		expect(connection.isPolling).toBe(true);
		connection.changed(connected('websocket'));
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
