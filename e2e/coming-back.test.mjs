/**
 * `packages/client` in plain Node against the real server: sockets are cut, the server is stopped, killed and started
 * over an older copy of its data. What the client shows in the end equals what a fresh fetch answers.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { HttpSender, createTidings, uuid } from '@tidings/client/node';
import { PASSWORD, ROOT, Server, within } from './harness/server.mjs';
import { Wire } from './harness/wire.mjs';

const PATIENCE_MS = 20_000;

let server, ada, bob, channel;

before(async () => {
	server = await Server.start();
	ada = await server.signUp('Ada');
	bob = await server.signUp('Bob');
	channel = await server.api('/api/v1/channels/create', {
		token: ada.token,
		method: 'POST',
		body: { name: 'general', access_control: null },
	});
});

after(() => server?.remove());

const post = (content, person = ada) =>
	server.api(`/api/v1/channels/${channel.id}/messages/post`, {
		token: person.token,
		method: 'POST',
		body: { content },
	});

/** The channel as one person's client shows it. */
class Shown {
	messages = new Map();
	events = 0;
	loads = 0;
	waiting = () => {};

	constructor(t, url, person, transports) {
		this.tidings = createTidings({ url, token: () => person.token, transports });
		this.view = this.tidings.view({
			rooms: [`channel:${channel.id}`],
			load: (signal) => {
				this.loads += 1;
				return this.tidings.api.snapshots.messages(channel.id, 0, 200, signal);
			},
			replace: (page) => {
				this.messages = new Map(page.map((message) => [message.no, message.content]));
				this.waiting();
			},
			apply: ({ payload }) => {
				this.events += 1;
				const { type, data } = payload.data;
				if (type === 'message' || type === 'message:update') this.messages.set(data.no, data.content);
				if (type === 'message:delete') this.messages.delete(data.no);
				this.waiting();
			},
			onState: () => this.waiting(),
		});
		this.tidings.onState(() => this.waiting());
		this.tidings.outbox.onChange(() => this.waiting());
		t.after(() => this.tidings.stop());
		this.view.open();
		this.tidings.start();
	}

	get isLive() {
		return this.tidings.state.phase === 'live' && this.view.state.phase === 'live';
	}

	shows(text) {
		return [...this.messages.values()].includes(text);
	}

	/** Waits until something is so; it is looked at whenever anything changes. */
	until(what, isSo) {
		const reached = new Promise((resolve) => {
			this.waiting = () => isSo() && resolve();
			this.waiting();
		});
		const { tidings, view } = this;
		const state = () => `${tidings.state.phase}, ${view.state.phase}, ${JSON.stringify(tidings.outbox.entries)}`;
		return within(PATIENCE_MS, `not reached: ${what}`, reached).catch((error) => {
			throw new Error(`${error.message} (${state()})`);
		});
	}

	/** The golden rule. */
	async equalsAFreshLoad() {
		const path = `/api/v1/channels/${channel.id}/messages?skip=0&limit=200`;
		const fresh = await server.api(path, { token: ada.token });
		const wanted = fresh.map(({ no, content }) => [no, content]).sort(([a], [b]) => a - b);
		assert.deepEqual(
			[...this.messages].sort(([a], [b]) => a - b),
			wanted,
		);
	}
}

for (const transports of [['websocket'], ['polling'], undefined]) {
	test(`a socket that is cut again and again misses nothing (${transports ?? 'both transports'})`, async (t) => {
		const wire = await Wire.to(server.url);
		t.after(() => wire.close());
		const bobs = new Shown(t, wire.url, bob, transports);
		await bobs.until('live', () => bobs.isLive);
		for (let round = 0; round < 5; round++) {
			wire.cut();
			const text = `${transports ?? 'both'}, round ${round}`;
			await Promise.all([post(`${text}, one`), post(`${text}, two`)]);
			const { id } = await post(`${text}, three`);
			await server.api(`/api/v1/channels/${channel.id}/messages/${id}/update`, {
				token: ada.token,
				method: 'POST',
				body: { content: `${text}, edited` },
			});
			bobs.tidings.retryNow();
			await bobs.until(text, () => bobs.isLive && bobs.shows(`${text}, edited`));
		}
		await bobs.equalsAFreshLoad();
		assert.equal(bobs.loads, 1, 'everything after the first page came as events');
	});
}

test('what is written while the server is away is sent once, in order, when it is back', async (t) => {
	const bobs = new Shown(t, server.url, bob);
	await bobs.until('live', () => bobs.isLive);
	await server.kill();
	await bobs.until('offline', () => bobs.tidings.state.phase === 'offline');
	const texts = ['offline one', 'offline two', 'offline three'];
	const entries = [];
	for (const content of texts) entries.push(await bobs.tidings.commands.post(channel.id, { content }));
	assert.deepEqual(
		bobs.tidings.outbox.entries.map(({ state, waitingFor }) => [state, waitingFor]),
		texts.map(() => ['pending', 'connection']),
	);
	await server.start();
	bobs.tidings.retryNow();
	const stored = await Promise.all(entries.map(({ id }) => bobs.tidings.outbox.sent(id)));
	await bobs.until('all texts', () => texts.every((text) => bobs.shows(text)));
	const numbers = texts.map((text) => [...bobs.messages].filter(([, content]) => content === text).map(([no]) => no));
	assert.ok(
		numbers.every((found) => found.length === 1),
		JSON.stringify(numbers),
	);
	assert.deepEqual(
		numbers.flat(),
		numbers.flat().toSorted((a, b) => a - b),
	);
	assert.ok(stored.every((message) => message === null || texts.includes(message.content)));
	await bobs.equalsAFreshLoad();
});

test('a server that was set back to an older copy is noticed, and everything is fetched again', async (t) => {
	const bobs = new Shown(t, server.url, bob);
	await bobs.until('live', () => bobs.isLive);
	await server.stop();
	const copy = `${server.dataDir}-copy`;
	t.after(() => rm(copy, { recursive: true, force: true }));
	await cp(server.dataDir, copy, { recursive: true });
	await server.start();
	await post('lost with the newer data');
	await bobs.until('the lost one', () => bobs.isLive && bobs.shows('lost with the newer data'));
	const loads = bobs.loads;
	await server.stop();
	await rm(server.dataDir, { recursive: true });
	await cp(copy, server.dataDir, { recursive: true });
	await server.start();
	await post('another in its place');
	bobs.tidings.retryNow();
	await bobs.until('the other one', () => bobs.isLive && bobs.shows('another in its place'));
	assert.ok(!bobs.shows('lost with the newer data'));
	assert.ok(bobs.loads > loads, 'it was fetched again');
	await bobs.equalsAFreshLoad();
});

test('a computer that wakes asks once over the connection that it has', async (t) => {
	const bobs = new Shown(t, server.url, bob);
	await bobs.until('live', () => bobs.isLive);
	const phases = [];
	bobs.tidings.onState(({ phase }) => phases.push(phase));
	const { sid } = bobs.tidings;
	bobs.tidings.retryNow();
	await bobs.until('live again', () => bobs.isLive);
	assert.deepEqual([phases, bobs.tidings.sid], [['catching-up', 'live'], sid]);
});

test('a connection over which nothing comes any more is replaced when the computer wakes', async (t) => {
	const wire = await Wire.to(server.url);
	t.after(() => wire.close());
	const bobs = new Shown(t, wire.url, bob, ['websocket']);
	await bobs.until('live', () => bobs.isLive);
	wire.freeze();
	await post('said into the silence');
	bobs.tidings.retryNow();
	await bobs.until('the text', () => bobs.isLive && bobs.shows('said into the silence'));
	assert.equal(bobs.loads, 1);
});

test('who is removed is told so, and who is let in again sees everything', async (t) => {
	const group = await server.api('/api/v1/channels/create', {
		token: ada.token,
		method: 'POST',
		body: { name: 'crew', type: 'group', user_ids: [bob.id] },
	});
	const bobs = new Shown(t, server.url, bob);
	const phases = [];
	const shown = [];
	const view = bobs.tidings.view({
		rooms: [`channel:${group.id}`],
		load: (signal) => bobs.tidings.api.snapshots.messages(group.id, 0, 50, signal),
		replace: (page) => shown.splice(0, Infinity, ...page.map(({ content }) => content).reverse()),
		apply: ({ payload }) => payload.data?.type === 'message' && shown.push(payload.data.data.content),
		onState: ({ phase }) => {
			phases.push(phase);
			bobs.waiting();
		},
	});
	view.open();
	await bobs.until('live', () => bobs.isLive && view.state.phase === 'live');
	const members = (what) =>
		server.api(`/api/v1/channels/${group.id}/update/members/${what}`, {
			token: ada.token,
			method: 'POST',
			body: { user_ids: [bob.id], group_ids: [] },
		});
	await members('remove');
	await bobs.until('gone', () => view.state.phase === 'gone');
	await server.api(`/api/v1/channels/${group.id}/messages/post`, {
		token: ada.token,
		method: 'POST',
		body: { content: 'while he was out' },
	});
	await members('add');
	await bobs.until('back', () => view.state.phase === 'live');
	assert.deepEqual(shown, ['while he was out']);
	assert.deepEqual(phases, ['loading', 'live', 'gone', 'loading', 'live']);
});

test('a command whose answer was lost is done once, and the server says that it ran', async () => {
	const sender = new HttpSender(server.url);
	const { signal } = new AbortController();
	const body = { name: `once ${uuid()}`, access_control: null };
	const row = {
		id: uuid(),
		request: { method: 'POST', path: '/api/v1/channels/create', body },
		once: 'key',
		attempts: 1,
	};
	const now = Date.now();
	const ask = (id, firstSentAt) => sender.ask({ ...row, id, firstSentAt }, ada.token, now, signal);
	assert.deepEqual(await ask(row.id, now), { kind: 'not' });
	const first = await sender.send(row, ada.token, signal);
	const again = await sender.send(row, ada.token, signal);
	assert.equal(first.kind, 'done');
	assert.deepEqual(again, first);
	const list = await server.api('/api/v1/channels/', { token: ada.token });
	assert.equal(list.filter(({ name }) => name === body.name).length, 1);
	const ran = await ask(row.id, now - 30 * 24 * 3_600_000);
	assert.deepEqual([ran.kind, ran.answer.id], ['ran', first.answer.id]);
	assert.deepEqual(await ask(uuid(), now - 30 * 24 * 3_600_000), { kind: 'unknown' });
	const other = await sender.send(
		{ ...row, request: { ...row.request, body: { ...body, name: 'other' } } },
		ada.token,
		signal,
	);
	assert.deepEqual([other.kind, other.code, other.retryable], ['refused', 'idempotency_key_reused', false]);
	assert.deepEqual(await sender.send(row, 'nonsense', signal), { kind: 'sign-in' });
	const forbidden = {
		...row,
		id: uuid(),
		request: { method: 'DELETE', path: `/api/v1/channels/${channel.id}/delete` },
	};
	assert.equal((await sender.send(forbidden, bob.token, signal)).kind, 'refused');
});

describe('the example of packages/client', () => {
	test('shows a channel and posts what is typed, through a restart of the server', async (t) => {
		const path = join(ROOT, 'packages/client/examples/room.mjs');
		const args = [path, server.url, bob.email, PASSWORD, 'general'];
		const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
		t.after(() => child.kill());
		const lines = [];
		let look = () => {};
		createInterface(child.stdout).on('line', (line) => {
			lines.push(line);
			look();
		});
		const said = (text) => {
			const heard = new Promise((resolve) => {
				look = () => lines.some((line) => line.includes(text)) && resolve();
				look();
			});
			return within(PATIENCE_MS, `the example did not print ${text}: ${lines.join(' | ')}`, heard);
		};
		await said('-- live');
		child.stdin.write('typed at first\n');
		await said('Bob: typed at first');
		lines.length = 0;
		await server.kill();
		await said('-- offline');
		child.stdin.write('typed without a server\n');
		await server.start();
		await said('Bob: typed without a server');
		const ended = new Promise((resolve) => child.once('exit', resolve));
		child.stdin.end('typed last\n');
		assert.equal(await within(PATIENCE_MS, 'the example did not end', ended), 0);
		const fresh = await server.api(`/api/v1/channels/${channel.id}/messages?skip=0&limit=3`, { token: ada.token });
		const texts = ['typed last', 'typed without a server', 'typed at first'];
		assert.deepEqual(
			fresh.map(({ content }) => content),
			texts,
		);
	});
});

describe('clients for programs in other languages', () => {
	test('say in lines of JSON what they see and do', async (t) => {
		const path = join(ROOT, 'packages/client/bin/lines.mjs');
		const child = spawn(process.execPath, [path, server.url], { stdio: ['pipe', 'pipe', 'inherit'] });
		t.after(() => child.kill());
		const lines = [];
		let look = () => {};
		createInterface(child.stdout).on('line', (line) => {
			lines.push(JSON.parse(line));
			look();
		});
		const tell = (command) => child.stdin.write(`${JSON.stringify(command)}\n`);
		const said = (kind, fits = () => true) => {
			const heard = new Promise((resolve) => {
				look = () => {
					const found = lines.find((line) => line.kind === kind && fits(line));
					if (found) resolve(found);
				};
				look();
			});
			return within(PATIENCE_MS, `no fitting ${kind}: ${JSON.stringify(lines)}`, heard);
		};
		tell({ do: 'open', client: 'a', token: ada.token });
		tell({ do: 'open', client: 'b', token: bob.token });
		await said('view', ({ client, phase, channel: id }) => client === 'b' && phase === 'live' && id === channel.id);
		tell({ do: 'post', client: 'a', channel: channel.id, content: 'as a line', ref: 1 });
		const { message } = await said('sent', ({ ref }) => ref === 1);
		const event = await said('event', (line) => line.client === 'b' && line.message === message);
		assert.deepEqual([event.room, event.type, typeof event.seq], [`channel:${channel.id}`, 'message', 'number']);
		tell({ do: 'show', client: 'b', channel: channel.id, ref: 2 });
		const { messages } = await said('shows', ({ ref }) => ref === 2);
		assert.equal(messages.at(-1).content, 'as a line');
		tell({ do: 'edit', client: 'b', channel: channel.id, message, content: 'not his', ref: 3 });
		const { status } = await said('failed', ({ ref }) => ref === 3);
		assert.ok(status >= 400 && status < 500);
		tell({ do: 'nonsense', client: 'b' });
		await said('error');
		const ended = new Promise((resolve) => child.once('exit', resolve));
		child.stdin.end();
		assert.equal(await within(PATIENCE_MS, 'it did not end', ended), 0);
	});
});
