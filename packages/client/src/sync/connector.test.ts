import { describe, expect, it } from 'vitest';
import { Connector, type ConnectionState } from './connector.ts';

function connector() {
	const did: string[] = [];
	const states: ConnectionState[] = [];
	const machine = new Connector(
		{
			open: () => did.push('open'),
			drop: () => did.push('drop'),
			ask: () => did.push('ask'),
			changed: (state) => states.push(state),
		},
		() => 0.5,
	);
	const live = (now: number) => {
		machine.start(now);
		machine.opened(now, 'sid', 'websocket');
		machine.answered(now);
		did.length = 0;
	};
	return { machine, did, states, live };
}

describe('Connector', () => {
	it('is live when everything that was missed has arrived', () => {
		const { machine, states } = connector();
		machine.start(0);
		machine.opened(10, 'sid', 'polling');
		machine.upgraded('websocket');
		machine.answered(20);
		expect(states.map(({ phase }) => phase)).toEqual(['connecting', 'catching-up', 'catching-up', 'live']);
		expect(machine.state).toEqual({ phase: 'live', since: 20, sid: 'sid', transport: 'websocket' });
		expect(machine.deadline).toBeNull();
	});

	it('waits longer from failure to failure, up to a bound, and begins anew once it was live', () => {
		const { machine, did, live } = connector();
		live(0);
		const waits: number[] = [];
		let now = 0;
		for (let attempt = 0; attempt < 16; attempt++) {
			machine.ended(now);
			waits.push((machine.deadline ?? 0) - now);
			now = machine.deadline ?? 0;
			machine.tick(now);
		}
		expect(waits.slice(0, 5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
		expect(waits.at(-1)).toBe(30_000);
		expect(did.filter((one) => one === 'open')).toHaveLength(16);
		machine.opened(now, 'sid', 'websocket');
		machine.answered(now);
		machine.ended(now);
		expect((machine.deadline ?? 0) - now).toBe(1_000);
	});

	it('gives up an attempt that hangs, and a connection that never becomes ready', () => {
		const { machine, did } = connector();
		machine.start(0);
		machine.tick(15_000);
		expect([machine.state.phase, did]).toEqual(['offline', ['open', 'drop']]);
		machine.tick(machine.deadline ?? 0);
		machine.opened(20_000, 'sid', 'websocket');
		machine.heard(40_000);
		machine.tick(60_000);
		expect(machine.state.phase).toBe('catching-up');
		machine.tick(70_000);
		expect(machine.state.phase).toBe('offline');
	});

	it('asks once when the computer wakes, and connects at once when nobody answers', () => {
		const { machine, did, live } = connector();
		live(0);
		machine.wake(100);
		machine.wake(110);
		expect([machine.state.phase, did]).toEqual(['catching-up', ['ask']]);
		machine.answered(120);
		expect(machine.state.phase).toBe('live');
		machine.wake(200);
		machine.tick(4_200);
		expect(did.slice(1)).toEqual(['ask', 'drop', 'drop', 'open']);
		expect(machine.state).toMatchObject({ phase: 'offline', retryAt: null });
	});

	it('does not wait when it wakes without a connection, or the network is back', () => {
		const { machine, did, live } = connector();
		live(0);
		machine.network(5, false);
		machine.ended(10);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'no-network', since: 10 });
		machine.network(20, true);
		expect(did).toEqual(['drop', 'open']);
		machine.wake(30);
		expect(did, 'one attempt is enough').toHaveLength(2);
		machine.ended(40);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'unreachable', since: 10 });
	});

	it('stays away when it is told to, until it is started again', () => {
		for (const [by, end] of [
			['server', (machine: Connector) => machine.ended(5, true)],
			['nobody', (machine: Connector) => machine.nobody(5)],
			['client', (machine: Connector) => machine.stop(5)],
		] as const) {
			const { machine, did } = connector();
			machine.start(0);
			machine.opened(1, 'sid', 'websocket');
			end(machine);
			machine.wake(10);
			machine.tick(100_000);
			expect([machine.state, did]).toEqual([{ phase: 'closed', since: 5, by }, ['open', 'drop']]);
			machine.start(200_000);
			expect(machine.state.phase).toBe('connecting');
		}
	});
});
