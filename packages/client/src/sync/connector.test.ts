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
		for (let attempt = 0; attempt < 24; attempt++) {
			machine.ended(now);
			waits.push((machine.deadline ?? 0) - now);
			now = machine.deadline ?? 0;
			machine.tick(now);
		}
		expect(waits.slice(0, 5)).toEqual([1_000, 2_000, 3_000, 3_000, 3_000]);
		expect(waits.at(-1)).toBe(30_000);
		expect(did.filter((one) => one === 'open')).toHaveLength(24);
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

	it('asks when a request got no answer, and is live until the connection is silent too', () => {
		const { machine, did, states, live } = connector();
		live(0);
		states.length = 0;
		machine.doubt(100);
		machine.doubt(101);
		machine.answered(200);
		machine.doubt(5_099);
		expect([did, states, machine.deadline], 'seldom, and nobody is told').toEqual([['ask'], [], null]);
		machine.doubt(5_100);
		machine.heard(6_000);
		machine.tick(8_999);
		expect(machine.state.phase, 'it brought something').toBe('live');
		machine.tick(9_000);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'unreachable', since: 9_000, retryAt: null });
		expect(did.slice(1)).toEqual(['ask', 'drop', 'drop', 'open']);
		machine.doubt(20_000);
		expect(did.at(-1), 'there is nothing to ask').toBe('open');
	});

	it('is patient with a connection that brought something just now, whatever it asks for', () => {
		for (const [why, happens] of [
			['wake', (machine: Connector) => machine.wake(10_000)],
			['doubt', (machine: Connector) => machine.doubt(10_000)],
			['no network', (machine: Connector) => machine.network(10_000, false)],
		] as const) {
			const { machine, did, live } = connector();
			live(0);
			machine.heard(9_000);
			happens(machine);
			for (let now = 11_500; now < 70_000; now += 2_500) {
				machine.tick(now);
				machine.heard(now);
			}
			expect([why, did]).toEqual([why, ['ask']]);
			machine.answered(70_000);
			expect([why, machine.state.phase]).toEqual([why, 'live']);
			machine.wake(80_000);
			expect([why, machine.deadline], 'it has been quiet').toEqual([why, 81_500]);
		}
	});

	it('asks again, and in earnest, when it wakes or loses its network while it asks', () => {
		const { machine, did, live } = connector();
		live(0);
		machine.doubt(100);
		machine.wake(200);
		expect([machine.state.phase, machine.deadline, did]).toEqual(['catching-up', 1_700, ['ask', 'ask']]);
		machine.answered(300);
		machine.doubt(10_000);
		machine.network(10_100, false);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'no-network', retryAt: null });
		machine.answered(10_200);
		expect(machine.state.phase).toBe('live');
	});

	it('does not wait when it wakes without a connection, or the network is back', () => {
		const { machine, did, live } = connector();
		live(0);
		machine.network(5, false);
		machine.ended(10);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'no-network', since: 5 });
		machine.network(20, true);
		expect(did).toEqual(['ask', 'drop', 'open', 'drop', 'open']);
		machine.wake(30);
		expect(did, 'one attempt is enough').toHaveLength(5);
		machine.ended(40);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'unreachable', since: 5 });
	});

	it('is offline when the browser says so, until the connection answers that it is not', () => {
		const { machine, did, live } = connector();
		live(0);
		machine.network(100, false);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'no-network', since: 100, retryAt: null });
		expect(did).toEqual(['ask']);
		machine.answered(110);
		expect(machine.state).toEqual({ phase: 'live', since: 110, sid: 'sid', transport: 'websocket' });
		machine.network(200, false);
		machine.network(200, true);
		machine.network(300, false);
		expect(did, 'one question at a time, a new connection with the network').toEqual([
			'ask',
			'ask',
			'drop',
			'open',
		]);
	});

	it('gives up a connection that does not answer without a network, and comes back with the network at once', () => {
		const { machine, did, live } = connector();
		live(0);
		machine.network(0, false);
		machine.tick(1_500);
		expect(did).toEqual(['ask', 'drop', 'drop', 'open']);
		machine.ended(1_501);
		expect(machine.state).toMatchObject({ phase: 'offline', why: 'no-network', since: 0 });
		machine.network(2_500, true);
		expect(did.slice(4)).toEqual(['drop', 'open']);
	});

	it('does not wait for an attempt, or for what was missed, that hangs since before it woke', () => {
		const { machine, did, live } = connector();
		live(0);
		machine.ended(0);
		machine.tick(1_000);
		machine.wake(1_500);
		expect(did, 'an attempt has its time').toEqual(['open']);
		machine.wake(3_000);
		expect(did).toEqual(['open', 'drop', 'open']);
		machine.opened(3_010, 'sid', 'websocket');
		machine.wake(3_100);
		expect(machine.state.phase).toBe('catching-up');
		machine.wake(6_000);
		expect(did, 'a slow line has its time').toHaveLength(3);
		machine.wake(6_010);
		expect(did.slice(3)).toEqual(['drop', 'open']);
		machine.opened(6_010, 'sid', 'websocket');
		machine.network(6_020, false);
		machine.tick(7_520);
		expect(machine.state, 'nothing comes without a network').toMatchObject({ phase: 'offline', why: 'no-network' });
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
