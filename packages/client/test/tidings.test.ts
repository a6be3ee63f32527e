/**
 * The parts put together, over a connection that the test holds in its hands.
 */
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../src/as-of.ts';
import { ApiError, Unreachable } from '../src/errors.ts';
import type { Position, ServerEvent } from '../src/events.ts';
import type { Claims } from '../src/sync/follow.ts';
import type { Link, LinkHost } from '../src/sync/link.ts';
import { Tidings, type TidingsOptions } from '../src/tidings.ts';
import { SimClock } from './world.ts';

class HandLink implements Link {
	readonly did: unknown[] = [];
	constructor(readonly host: LinkHost) {}
	open(token: string, claims: Claims): void {
		this.did.push(['open', token, claims]);
	}
	drop(): void {}
	ask(claims: Claims): void {
		this.did.push(['ask', claims]);
	}
	readonly send: Link['send'] = (...args) => {
		this.did.push(['send', args[0]]);
		return true;
	};
	tell(name: string, payload: unknown): void {
		this.host.heard();
		this.host.event({ name, payload } as ServerEvent);
	}
	ready(rooms: Record<string, Position>): void {
		this.host.opened('sid', 'websocket');
		this.tell('ready', { user_id: 'me', rooms });
		this.tell('resumed', { rooms: {} });
	}
}

function made(options: Partial<TidingsOptions> = {}) {
	const clock = new SimClock();
	let link!: HandLink;
	const tidings = new Tidings({
		token: () => 'token',
		clock,
		random: () => 0.5,
		link: (host) => (link = new HandLink(host)),
		...options,
	});
	return { clock, tidings, link };
}

function viewed(tidings: Tidings, load: () => Promise<Snapshot<string>>, more: { again?: 'always' } = {}) {
	const did: string[] = [];
	const view = tidings.view({
		rooms: ['channel:a'],
		load: () => {
			did.push('load');
			return load();
		},
		replace: (body) => did.push(`replace ${body}`),
		apply: ({ payload }) => did.push(`apply ${payload.seq}`),
		onState: ({ phase }) => did.push(phase),
		...more,
	});
	return { did, view };
}

const at = (seq: number): Snapshot<string> => ({ body: `to ${seq}`, heads: { 'channel:a': [seq, seq * 10] } });
const event = (seq: number) => ({ room: 'channel:a', seq, at: seq * 10, channel_id: 'x' });

describe('Tidings', () => {
	it('fetches once when page and connection begin together, and claims what it holds when it comes back', async () => {
		const { clock, tidings, link } = made();
		const { did, view } = viewed(tidings, async () => at(3));
		tidings.start();
		view.open();
		await clock.pass(100);
		expect(did).toEqual(['loading']);
		link.ready({ 'channel:a': [3, 30] });
		await clock.pass(1);
		link.tell('channel:added', event(4));
		expect(did).toEqual(['loading', 'load', 'replace to 3', 'live', 'apply 4']);
		link.host.ended(false);
		await clock.pass(2_000);
		expect(link.did.at(-1)).toEqual(['open', 'token', { 'channel:a': [4, 40] }]);
	});

	it('shows what it can fetch when there is no connection', async () => {
		const { clock, tidings } = made();
		const { did, view } = viewed(tidings, async () => at(3));
		tidings.start();
		view.open();
		await clock.pass(500);
		expect(did).toEqual(['loading', 'load', 'replace to 3', 'live']);
	});

	it('fetches again after failures of the network, and not after a refusal', async () => {
		const { clock, tidings, link } = made();
		const answers = [
			new Unreachable('cut'),
			new ApiError(503, 'unavailable', 'busy'),
			new ApiError(404, 'gone', 'no'),
		];
		const { did, view } = viewed(tidings, async () => {
			const answer = answers.shift();
			if (answer) throw answer;
			return at(1);
		});
		tidings.start();
		link.ready({ 'channel:a': [1, 10] });
		view.open();
		await clock.pass(60_000);
		expect(did.filter((one) => one === 'load')).toHaveLength(3);
		expect(view.state).toMatchObject({ phase: 'failed', error: { status: 404 } });
		view.open();
		await clock.pass(1);
		expect(view.state).toEqual({ phase: 'live' });
	});

	it('gives up a fetch that hangs, and asks once more for what was asked for meanwhile', async () => {
		const { clock, tidings, link } = made();
		let hangs = true;
		const { did, view } = viewed(tidings, () => (hangs ? new Promise(() => {}) : Promise.resolve(at(1))));
		tidings.start();
		link.ready({ 'channel:a': [1, 10] });
		view.open();
		await clock.pass(10);
		for (let n = 0; n < 5; n++) view.reload();
		await clock.pass(10);
		expect(did.filter((one) => one === 'load')).toHaveLength(1);
		hangs = false;
		await clock.pass(60_000);
		expect([view.state.phase, did.filter((one) => one === 'load')]).toEqual(['live', ['load', 'load']]);
		view.reload();
		await clock.pass(1);
		expect(did.filter((one) => one === 'load')).toHaveLength(3);
	});

	it('takes a snapshot without positions to be as new as when it was asked for', async () => {
		const { clock, tidings, link } = made();
		let give = (_: Snapshot<string>) => {};
		const { did, view } = viewed(tidings, () => new Promise((resolve) => (give = resolve)));
		tidings.start();
		link.ready({ 'channel:a': [5, 50] });
		view.open();
		await clock.pass(1);
		link.tell('channel:added', event(6));
		give({ body: 'old style', heads: {} });
		await clock.pass(1);
		expect(did).toEqual(['loading', 'load', 'replace old style', 'apply 6', 'live']);
	});

	it('fetches states again at every coming back, and shows what it has meanwhile', async () => {
		const { clock, tidings, link } = made();
		const { did, view } = viewed(tidings, async () => at(2), { again: 'always' });
		tidings.start();
		link.ready({ 'channel:a': [2, 20] });
		view.open();
		await clock.pass(1);
		link.host.ended(false);
		await clock.pass(2_000);
		link.ready({ 'channel:a': [2, 20] });
		await clock.pass(1);
		expect(did).toEqual(['loading', 'load', 'replace to 2', 'live', 'load', 'replace to 2']);
	});

	it('counts numbered events that it does not know', async () => {
		const { clock, tidings, link } = made();
		const { did, view } = viewed(tidings, async () => at(1));
		const told: string[] = [];
		tidings.onEvent(({ name }) => told.push(name));
		tidings.start();
		link.ready({ 'channel:a': [1, 10] });
		view.open();
		await clock.pass(1);
		link.tell('of:tomorrow', event(2));
		link.tell('channel:added', event(3));
		link.tell('channel:added', event(3));
		expect(did.slice(-2)).toEqual(['apply 2', 'apply 3']);
		expect(told).toEqual(['ready', 'resumed', 'of:tomorrow', 'channel:added']);
	});

	it('reports a hole on a live connection and repairs it', async () => {
		const { clock, tidings, link } = made();
		let head = 1;
		const { did, view } = viewed(tidings, async () => at(head));
		const reports: unknown[] = [];
		tidings.onCaughtUp((report) => reports.push(report));
		tidings.start();
		link.ready({ 'channel:a': [1, 10] });
		view.open();
		await clock.pass(1);
		did.length = 0;
		head = 4;
		link.tell('channel:added', event(3));
		link.tell('channel:added', event(4));
		await clock.pass(1);
		link.tell('channel:added', event(5));
		expect(did).toEqual(['repairing', 'load', 'replace to 4', 'live', 'apply 5']);
		expect(reports).toEqual([
			{ first: true, refetch: [], left: [] },
			{ first: false, refetch: ['channel:a'], left: [] },
		]);
	});

	it('says that the stream of a room skipped something while its view was loading over a break', async () => {
		const { clock, tidings, link } = made();
		let isCut = true;
		const { view } = viewed(tidings, async () => {
			if (isCut) throw new Unreachable('cut');
			return at(18);
		});
		const told: unknown[] = [];
		tidings.onEvent(({ name, payload }) => told.push('seq' in payload ? payload.seq : name));
		tidings.onCaughtUp(({ refetch }) => told.push(refetch));
		tidings.start();
		view.open();
		link.ready({ 'channel:a': [14, 140], 'channel:b': [1, 10] });
		link.tell('channel:added', event(15));
		await clock.pass(1);
		link.host.ended(false);
		await clock.pass(2_000);
		expect(link.did.at(-1)).toEqual(['open', 'token', {}]);
		link.host.opened('sid', 'websocket');
		link.tell('ready', { user_id: 'me', rooms: { 'channel:a': [17, 170], 'channel:b': [1, 10] } });
		link.tell('channel:added', event(18));
		link.tell('resumed', { rooms: {} });
		isCut = false;
		await clock.pass(10_000);
		expect(view.state.phase).toBe('live');
		expect(told).toEqual(['ready', [], 'resumed', 15, 'ready', 18, ['channel:a'], 'resumed']);
	});

	it('says what the stream skipped also if the connection broke before that could be said', async () => {
		const { clock, tidings, link } = made();
		const reports: unknown[] = [];
		tidings.onCaughtUp(({ refetch, left }) => reports.push([refetch, left]));
		tidings.start();
		link.ready({ 'channel:a': [1, 10], 'channel:b': [1, 10], 'channel:c': [1, 10] });
		for (const rooms of [{ 'channel:a': [2, 20] }, { 'channel:a': [2, 20], 'channel:b': [1, 10] }]) {
			link.host.ended(false);
			await clock.pass(10_000);
			link.host.opened('sid', 'websocket');
			link.tell('ready', { user_id: 'me', rooms });
		}
		link.tell('resumed', { rooms: {} });
		expect(reports).toEqual([
			[[], []],
			[['channel:a', 'channel:b'], ['channel:c']],
		]);
	});

	it('says that a room is to be fetched, not left, that it was let into again while catching up', async () => {
		const { clock, tidings, link } = made();
		const reports: unknown[] = [];
		tidings.onCaughtUp(({ refetch, left }) => reports.push([refetch, left]));
		tidings.start();
		link.ready({ 'channel:a': [1, 10], 'channel:b': [1, 10] });
		link.host.ended(false);
		await clock.pass(10_000);
		link.host.opened('sid', 'websocket');
		link.tell('ready', { user_id: 'me', rooms: { 'channel:a': [1, 10] } });
		link.tell('joined', { room: 'channel:b', position: [3, 30] });
		link.tell('resumed', { rooms: {} });
		expect(reports.at(-1)).toEqual([['channel:b'], []]);
	});

	it('keeps a connection that brings something while it is asked, for as long as it does', async () => {
		for (const [rings, isAnswered, phase] of [
			[5, true, 'live'],
			[60, true, 'live'],
			[0, false, 'offline'],
			[12, false, 'offline'],
		] as const) {
			const { clock, tidings, link } = made();
			tidings.start();
			link.ready({ 'channel:a': [1, 10] });
			await clock.pass(10_000);
			tidings.retryNow();
			expect(link.did.at(-1)).toEqual(['ask', {}]);
			const begun = clock.now();
			let took: number | null = null;
			tidings.onState((state) => {
				if (state.phase === 'offline') took ??= clock.now() - begun;
			});
			for (let ring = 1; ring <= rings && took === null; ring++) {
				await clock.pass(1_000);
				if (took === null) link.tell('channel:added', event(1 + ring));
			}
			if (isAnswered) link.host.answered({ rooms: {} });
			await clock.pass(3_000);
			expect([tidings.state.phase, took]).toEqual([phase, isAnswered ? null : rings === 0 ? 1_500 : 15_000]);
			tidings.stop();
		}
	});

	it('never drops a slow connection that brings an event every 2 s while calls time out, and a silent one it does', async () => {
		const never = () => new Promise<Response>(() => {});
		const reasons = {
			'a call hangs': () => undefined,
			'it wakes': (tidings: Tidings) => tidings.retryNow(),
		};
		for (const [reason, happens] of Object.entries(reasons)) {
			const { clock, tidings, link } = made({ url: 'http://server', fetch: never });
			tidings.start();
			link.ready({ 'channel:a': [1, 10] });
			link.did.length = 0;
			let seq = 1;
			for (let passed = 0; passed < 60_000; passed += 2_000) {
				tidings.api.version().catch(() => undefined);
				happens(tidings);
				await clock.pass(2_000);
				link.tell('channel:added', event(++seq));
			}
			const did = new Set(link.did.map((one) => (one as unknown[])[0]));
			expect([reason, [...did].sort()], 'asked, and not opened anew').toEqual([reason, ['ask', 'send']]);
			link.host.answered({ rooms: {} });
			expect([reason, tidings.state.phase]).toEqual([reason, 'live']);
			await clock.pass(8_100);
			expect([reason, tidings.state.phase], 'silent while the last calls hang').toEqual([reason, 'offline']);
			tidings.stop();
		}
	});

	it('claims nothing when it asks whether the connection is alive, unless polls may have been lost in sleep', async () => {
		for (const transport of ['websocket', 'polling'] as const) {
			const { clock, tidings, link } = made();
			const { view } = viewed(tidings, async () => at(1));
			tidings.start();
			view.open();
			link.host.opened('sid', transport);
			link.tell('ready', { user_id: 'me', rooms: { 'channel:a': [1, 10] } });
			link.tell('resumed', { rooms: {} });
			await clock.pass(1_000);
			link.did.length = 0;
			tidings.doubt();
			expect(link.did, 'a slow line is not asked to send again').toEqual([['ask', {}]]);
			link.host.answered({ rooms: {} });
			tidings.retryNow();
			const claims = { 'channel:a': [1, 10] };
			const asked =
				transport === 'polling'
					? [
							['ask', {}],
							['ask', claims],
						]
					: [['ask', {}]];
			expect(link.did.slice(1)).toEqual(asked);
			tidings.stop();
		}
	});

	it('asks whether the connection is alive when a call hangs or fails, and not when it is answered or given up', async () => {
		const never = () => new Promise<Response>(() => {});
		const fails = () => Promise.reject(new TypeError('Failed to fetch'));
		const isRefused = async () => new Response('{"detail":"no"}', { status: 503 });
		for (const [fetch, kind, asksAfter] of [
			[never, 'call', 5_000],
			[fails, 'call', 0],
			[isRefused, 'call', null],
			[never, 'command', 5_000],
			[fails, 'command', 0],
		] as const) {
			const { clock, tidings, link } = made({ url: 'http://server', fetch });
			tidings.start();
			link.ready({ 'channel:a': [1, 10] });
			link.did.length = 0;
			let asked = 0;
			link.ask = () => {
				asked += 1;
				clock.after(10, () => link.host.answered({ rooms: {} }));
			};
			const phases: string[] = [];
			tidings.onState(({ phase }) => phases.push(phase));
			if (kind === 'call') tidings.api.version().catch(() => undefined);
			else void tidings.commands.post('a', { content: 'hello' }).catch(() => undefined);
			await clock.pass(1);
			expect([kind, asked > 0]).toEqual([kind, asksAfter === 0]);
			await clock.pass(5_000);
			expect([kind, asked > 0]).toEqual([kind, asksAfter !== null]);
			await clock.pass(15_000);
			expect([asked < 5, phases], 'seldom, and nobody is told while it answers').toEqual([true, []]);
			tidings.stop();
		}
		let call!: { signal: AbortSignal };
		const until = (_: unknown, init: { signal: AbortSignal }) =>
			new Promise<Response>((_, reject) => {
				call = init;
				init.signal.addEventListener('abort', () => reject(init.signal.reason));
			});
		const { clock, tidings, link } = made({ url: 'http://server', fetch: until as unknown as typeof fetch });
		tidings.start();
		link.ready({ 'channel:a': [1, 10] });
		link.did.length = 0;
		const given = new AbortController();
		tidings.api.snapshots.channels(given.signal).catch(() => undefined);
		await clock.pass(1);
		given.abort();
		await clock.pass(10_000);
		expect([call.signal.aborted, link.did]).toEqual([true, []]);
	});

	it('is offline 8 s after the network went silent under a call, long before the server is missed', async () => {
		const never = () => new Promise<Response>(() => {});
		const { clock, tidings, link } = made({ url: 'http://server', fetch: never });
		tidings.start();
		link.ready({ 'channel:a': [1, 10] });
		void tidings.commands.post('a', { content: 'hello' });
		await clock.pass(7_990);
		expect(tidings.state.phase).toBe('live');
		await clock.pass(20);
		expect(tidings.state).toMatchObject({ phase: 'offline', why: 'unreachable' });
		expect(link.did.at(-1)).toEqual(['open', 'token', {}]);
		tidings.stop();
	});

	it('fetches again when a late page is older than what was claimed, be it of the same millisecond', async () => {
		const { clock, tidings, link } = made();
		const page = (seq: number): Snapshot<string> => ({ body: `to ${seq}`, heads: { 'channel:a': [seq, 50] } });
		let give = (_: Snapshot<string>) => {};
		const { did, view } = viewed(tidings, () => new Promise((resolve) => (give = resolve)));
		tidings.start();
		view.open();
		link.ready({ 'channel:a': [5, 50] });
		await clock.pass(1);
		give(page(5));
		await clock.pass(1);
		view.reload();
		await clock.pass(1);
		link.host.ended(false);
		await clock.pass(2_000);
		expect(link.did.at(-1)).toEqual(['open', 'token', { 'channel:a': [5, 50] }]);
		give(page(4));
		await clock.pass(1);
		did.length = 0;
		link.host.opened('sid', 'websocket');
		link.tell('ready', { user_id: 'me', rooms: { 'channel:a': [6, 60] } });
		await clock.pass(1);
		expect(did).toEqual(['repairing', 'load']);
	});

	it('sends signals while live only, and says every half minute that somebody is there', async () => {
		const { clock, tidings, link } = made();
		tidings.start();
		expect(tidings.send('heartbeat', {})).toBe(false);
		link.ready({});
		expect(tidings.send('heartbeat', {})).toBe(true);
		link.did.length = 0;
		await clock.pass(61_000);
		expect(link.did).toEqual([
			['send', 'heartbeat'],
			['send', 'heartbeat'],
		]);
		link.host.ended(false);
		expect(tidings.send('heartbeat', {})).toBe(false);
	});

	it('asks after polling whether an answer was lost: with every heartbeat, and when WebSocket has taken over', async () => {
		const { clock, tidings, link } = made();
		const { view } = viewed(tidings, async () => at(1));
		const asked = () => link.did.filter((did) => (did as unknown[])[0] === 'ask');
		const phases: string[] = [];
		tidings.start();
		view.open();
		link.host.opened('sid', 'polling');
		link.tell('ready', { user_id: 'me', rooms: { 'channel:a': [1, 10] } });
		link.tell('resumed', { rooms: {} });
		tidings.onState(({ phase }) => phases.push(phase));
		await clock.pass(61_000);
		const ask = ['ask', { 'channel:a': [1, 10] }];
		expect(asked()).toEqual([ask, ask]);
		link.host.upgraded('websocket');
		await clock.pass(61_000);
		expect(asked()).toEqual([ask, ask, ask]);
		expect(phases, 'nobody is told of it').toEqual(['live']);
		link.host.ended(false);
		await clock.pass(2_000);
		link.ready({ 'channel:a': [1, 10] });
		await clock.pass(61_000);
		expect(asked()).toHaveLength(3);
	});

	it('stays away when it is nobody, and says so', () => {
		let told = 0;
		const { tidings, link } = made({ onUnauthorized: () => (told += 1) });
		tidings.start();
		link.host.opened('sid', 'websocket');
		link.host.nobody();
		expect([tidings.state.phase, told]).toEqual(['closed', 1]);
		tidings.connect();
		expect(tidings.state.phase).toBe('connecting');
	});

	it('does not send what is seen to have been stored', async () => {
		const sent: string[] = [];
		const fetch = (async (url: string) => {
			sent.push(url);
			throw new TypeError('cut');
		}) as unknown as typeof globalThis.fetch;
		const { clock, tidings, link } = made({ fetch });
		tidings.start();
		const { id } = await tidings.commands.post('a', { content: 'hello' });
		link.host.opened('sid', 'websocket');
		link.tell('ready', { user_id: 'me', rooms: { 'channel:a': [0, 0] } });
		const data = { type: 'message', data: { id: 'm', temp_id: id, content: 'hello' } };
		link.tell('events:channel', { channel_id: 'a', data, room: 'channel:a', seq: 1, at: 10 });
		link.tell('resumed', { rooms: {} });
		await clock.pass(5_000);
		expect([tidings.outbox.entries, sent]).toEqual([[], []]);
	});
});
