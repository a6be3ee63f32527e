/**
 * The live traffic with clients that nobody here wrote: socket.io-client, python-socketio and OpenAI's own package.
 * They connect, join, send, get acks and hear events, over WebSocket, over polling, and over the upgrade between them.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { io } from 'socket.io-client';
import { ROOT, Server, within } from './harness/server.mjs';

const PATIENCE_MS = 15_000;
const SOCKET_PATH = '/ws/socket.io';
const PYTHON = process.env.TIDINGS_PYTHON;
const skip = PYTHON ? false : 'SKIP: no Python environment; `cargo xtask test` makes one';

let server, ada, bob, channel;

before(async () => {
	server = await Server.start();
	ada = await server.signUp('Ada');
	bob = await server.signUp('Bob');
	const body = { name: 'general', access_control: null };
	channel = await server.api('/api/v1/channels/create', { token: ada.token, method: 'POST', body });
});

after(() => server?.remove());

function post(content) {
	const path = `/api/v1/channels/${channel.id}/messages/post`;
	return server.api(path, { token: ada.token, method: 'POST', body: { content } });
}

const typing = () => ({
	channel_id: channel.id,
	message_id: null,
	data: { type: 'typing', data: { typing: true } },
});

/** The first event of this name that fits. */
function heard(socket, name, fits) {
	const event = new Promise((resolve) => {
		socket.on(name, (payload) => {
			if (fits(payload)) resolve(payload);
		});
	});
	return within(PATIENCE_MS, `no fitting ${name} arrived`, event);
}

const ofType = (type) => (event) => event.data?.type === type;

describe('socket.io-client', () => {
	const modes = {
		'websocket only': ['websocket'],
		'polling only': ['polling'],
		'polling, then an upgrade': ['polling', 'websocket'],
	};
	for (const [mode, transports] of Object.entries(modes)) {
		test(mode, async (t) => {
			const open = async (token) => {
				const options = { path: SOCKET_PATH, transports, auth: { token }, forceNew: true, reconnection: false };
				const socket = io(server.url, options);
				t.after(() => socket.disconnect());
				const connected = new Promise((resolve, reject) => {
					socket.once('connect', resolve);
					socket.once('connect_error', reject);
				});
				await within(PATIENCE_MS, 'no connection', connected);
				return socket;
			};
			const adas = await open(ada.token);
			const bobs = await open(bob.token);
			const upgraded = transports.length > 1 && bobs.io.engine.transport.name !== 'websocket';
			if (upgraded) {
				const upgrade = new Promise((resolve) => bobs.io.engine.once('upgrade', resolve));
				await within(PATIENCE_MS, 'no upgrade', upgrade);
			}

			const joined = await bobs.timeout(PATIENCE_MS).emitWithAck('user-join', { auth: { token: bob.token } });
			assert.deepEqual(joined, { id: bob.id, name: 'Bob' });

			const seen = heard(adas, 'events:channel', ofType('typing'));
			bobs.emit('events:channel', typing());
			assert.equal((await seen).user.id, bob.id);

			const delivered = heard(bobs, 'events:channel', ofType('message'));
			const posted = await post(`hello over ${mode}`);
			const event = await delivered;
			assert.equal(event.data.data.id, posted.id);
			assert.equal(event.data.data.content, `hello over ${mode}`);
			assert.equal(event.room, `channel:${channel.id}`);
			assert.equal(typeof event.seq, 'number');

			assert.equal(bobs.io.engine.transport.name, transports.at(-1));
		});
	}

	test('a new socket after a bad token hears nothing and stays connected', async (t) => {
		const options = { path: SOCKET_PATH, transports: ['websocket'], auth: { token: 'nonsense' }, forceNew: true };
		const stranger = io(server.url, { ...options, reconnection: false });
		t.after(() => stranger.disconnect());
		await within(PATIENCE_MS, 'no connection', new Promise((resolve) => stranger.once('connect', resolve)));
		const events = [];
		stranger.onAny((name) => events.push(name));
		await post('not for strangers');
		const ack = await stranger.timeout(PATIENCE_MS).emitWithAck('user-join', { auth: { token: 'nonsense' } });
		assert.equal(ack?.id, undefined);
		assert.deepEqual(events, []);
	});
});

test('WebSocket messages are compressed where the operator wants it, and only there', async (t) => {
	const compressing = await Server.start({ environment: { TIDINGS_WEBSOCKET_COMPRESSION: 'true' } });
	t.after(() => compressing.remove());
	const eve = await compressing.signUp('Eve');
	for (const [url, token, extension] of [
		[server.url, ada.token, undefined],
		[compressing.url, eve.token, 'permessage-deflate'],
	]) {
		const options = {
			path: SOCKET_PATH,
			transports: ['websocket'],
			auth: { token },
			forceNew: true,
			reconnection: false,
		};
		const socket = io(url, options);
		t.after(() => socket.disconnect());
		await within(PATIENCE_MS, 'no connection', new Promise((resolve) => socket.once('connect', resolve)));
		assert.equal(socket.io.engine.transport.ws.extensions || undefined, extension);
		const joined = await socket.timeout(PATIENCE_MS).emitWithAck('user-join', { auth: { token } });
		assert.equal(typeof joined.id, 'string');
	}
});

/** Starts a script of `e2e/python`; its lines are JSON. */
function python(t, script, ...args) {
	const child = spawn(PYTHON, [join(ROOT, 'e2e/python', script), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
	t.after(() => child.kill());
	const lines = [];
	let wake = () => {};
	createInterface(child.stdout).on('line', (line) => {
		lines.push(JSON.parse(line));
		wake();
	});
	const ended = new Promise((resolve) => child.once('exit', resolve));
	const said = async (what, fits) => {
		const line = (async () => {
			for (;;) {
				const found = lines.find(fits);
				if (found) return found;
				await new Promise((resolve) => (wake = resolve));
			}
		})();
		return within(PATIENCE_MS, `${script} did not say ${what}; it said ${JSON.stringify(lines)}`, line);
	};
	return { said, ended, lines, input: child.stdin };
}

describe('python-socketio', { skip }, () => {
	for (const mode of ['sync', 'websocket', 'polling', 'upgrade']) {
		test(mode, async (t) => {
			const client = python(t, 'socketio_client.py', server.url, bob.token, channel.id, mode);
			const joined = await client.said('that it joined', (line) => line.kind === 'joined');
			assert.deepEqual(joined.value, { id: bob.id, name: 'Bob' });
			const isEvent = (type) => (line) => line.kind === 'event' && ofType(type)(line.value);
			await client.said('that it heard itself type', isEvent('typing'));
			const posted = await post(`hello python, ${mode}`);
			const event = await client.said('that it heard the message', isEvent('message'));
			assert.equal(event.value.data.data.id, posted.id);
			client.input.end('\n');
			assert.equal(await within(PATIENCE_MS, 'the client did not end', client.ended), 0);
		});
	}
});

describe('the OpenAI package for Python', { skip }, () => {
	test('lists models and streams a completion', async (t) => {
		const client = python(t, 'openai_client.py', server.url, bob.token);
		const { models, pieces, finish_reasons, whole } = await client.said('its result', (line) => line.models);
		assert.ok(models.length > 0);
		assert.ok(pieces.length > 1, 'the answer came in pieces');
		assert.deepEqual(finish_reasons, ['stop']);
		assert.ok(whole.length > 0);
	});
});
