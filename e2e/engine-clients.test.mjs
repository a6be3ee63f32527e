/**
 * Our engine, without the product, and the clients that people use: socket.io-client with each of its three settings of
 * transports, and python-socketio. Namespaces, auth, acks both ways, attachments, retries, recovery.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Manager, io } from 'socket.io-client';
import { Example } from './harness/example.mjs';
import { ROOT, within } from './harness/server.mjs';

const PATIENCE_MS = 15_000;
const TOKEN = 'open sesame';
const MODES = {
	'polling only': ['polling'],
	'websocket only': ['websocket'],
	'polling, then an upgrade': ['polling', 'websocket'],
};

let server;
before(async () => (server = await Example.start('client_suite')));
after(() => server?.stop());

/** What the event brings, in time. */
function heard(emitter, event) {
	return within(
		PATIENCE_MS,
		`no ${event} came`,
		new Promise((resolve) => emitter.once(event, (...args) => resolve(args))),
	);
}

const longText = 'a long text, '.repeat(20_000);

for (const [mode, transports] of Object.entries(MODES)) {
	describe(`socket.io-client, ${mode}`, () => {
		/** A manager of its own, and how to open namespaces on it. */
		function client(t, options = {}) {
			const manager = new Manager(server.url, {
				transports,
				reconnectionDelay: 10,
				reconnectionDelayMax: 50,
				...options,
			});
			t.after(() => manager._close());
			return manager;
		}

		async function open(t, { namespace = '/', auth, ...options } = {}) {
			const socket = client(t, options).socket(namespace, { auth, ...options });
			await heard(socket, 'connect');
			await settled(socket);
			return socket;
		}

		/** Waits until the connection is on its last transport. */
		async function settled(socket) {
			const { engine } = socket.io;
			if (engine.transport.name !== transports.at(-1)) await heard(engine, 'upgrade');
			assert.equal(engine.transport.name, transports.at(-1));
		}

		const call = (socket, ...args) => socket.timeout(PATIENCE_MS).emitWithAck(...args);

		test('events and acks work before, during and after the choice of the transport', async (t) => {
			const socket = client(t).socket('/');
			const numbers = Array.from({ length: 200 }, (_, n) => n);
			const acked = numbers.map((n) => call(socket, 'echo', n));
			const noted = [];
			socket.on('noted', (n) => noted.push(n));
			numbers.forEach((n) => socket.emit('note', n));
			assert.deepEqual(await Promise.all(acked), numbers);
			await settled(socket);
			await call(socket, 'echo', 'the notes came before');
			assert.deepEqual(noted, numbers);
		});

		test('namespaces have auth of their own on one connection', async (t) => {
			const manager = client(t);
			const root = manager.socket('/', { auth: { who: 'anyone' } });
			const members = manager.socket('/members', { auth: { token: TOKEN } });
			const welcomes = await Promise.all([heard(root, 'welcome'), heard(members, 'welcome')]);
			assert.deepEqual(welcomes, [[{ who: 'anyone' }], [{ token: TOKEN }]]);
			assert.notEqual(root.id, members.id);
			await settled(root);
			root.disconnect();
			assert.equal(await call(members, 'echo', 'still here'), 'still here');
			root.connect();
			await heard(root, 'connect');
			assert.equal(await call(root, 'echo', 'back'), 'back');
		});

		test('CONNECT_ERROR says why, and a better token gets in', async (t) => {
			const manager = client(t);
			let token = 'wrong';
			const members = manager.socket('/members', { auth: (give) => give({ token }) });
			const [error] = await heard(members, 'connect_error');
			assert.equal(error.message, 'members only');
			assert.deepEqual(error.data, { code: 'wrong_token' });
			assert.equal(members.connected, false);
			token = TOKEN;
			members.connect();
			await heard(members, 'connect');
			const nowhere = manager.socket('/nowhere');
			const [unknown] = await heard(nowhere, 'connect_error');
			assert.equal(unknown.message, 'Invalid namespace');
			assert.equal(members.connected, true);
		});

		test('an event that nobody acknowledges fails in time', async (t) => {
			const socket = await open(t);
			await assert.rejects(socket.timeout(50).emitWithAck('silence'), /timed out/);
			assert.equal(await call(socket, 'echo', 'on we go'), 'on we go');
		});

		test('the server asks and waits no longer than it said', async (t) => {
			const socket = await open(t);
			socket.once('question', (question, answer) => answer({ question, answer: 42 }));
			const reply = await call(socket, 'ask', { what: 'else' });
			assert.deepEqual(reply, { question: { what: 'else' }, answer: 42 });
			assert.equal(await call(socket, 'ask', 'into the void'), 'no answer');
		});

		test('attachments go both ways with acks, small and large', async (t) => {
			const socket = await open(t);
			for (const length of [0, 3, 200, 100_000]) {
				const [one, two] = [Buffer.alloc(length, 1), Buffer.alloc(length, 2)];
				const echoed = await call(socket, 'echo', { one, list: [two, 'text'] });
				assert.deepEqual(Buffer.from(echoed.one), one);
				assert.deepEqual(Buffer.from(echoed.list[0]), two);
				assert.equal(echoed.list[1], 'text');
			}
			const back = heard(socket, 'noted');
			socket.emit('note', 'text', Buffer.from('bytes'), { more: Buffer.from('…') });
			const [text, bytes, object] = await back;
			assert.deepEqual([text, `${bytes}`, `${object.more}`], ['text', 'bytes', '…']);
		});

		test('long texts survive, compressed where that was agreed', async (t) => {
			const socket = await open(t);
			assert.equal(await call(socket, 'echo', longText), longText);
			const { ws } = socket.io.engine.transport;
			if (ws) assert.match(ws.extensions, /^permessage-deflate/);
		});

		test('what is volatile is lost while away, the rest is kept', async (t) => {
			const socket = await open(t);
			const noted = [];
			socket.on('noted', (text) => noted.push(text));
			socket.disconnect();
			socket.volatile.emit('note', 'lost');
			socket.emit('note', 'kept');
			socket.connect();
			await heard(socket, 'connect');
			await settled(socket);
			await call(socket, 'echo', 'all notes came before');
			assert.deepEqual(noted, ['kept']);
		});

		test('`retries`: an event is sent again until it is acknowledged, and the next one waits', async (t) => {
			const socket = await open(t, { retries: 3, ackTimeout: 100 });
			const number = Math.floor(Math.random() * 2 ** 32);
			const deliveries = [];
			const sent = [number, number + 1].map((n) =>
				socket.emitWithAck('flaky', n).then((count) => deliveries.push([n, count])),
			);
			await within(PATIENCE_MS, 'no acknowledgement', Promise.all(sent));
			// The server saw both twice, in order.
			assert.deepEqual(deliveries, [
				[number, 2],
				[number + 1, 2],
			]);
		});

		test('the server sends away for good, or for a moment', async (t) => {
			const socket = await open(t);
			const away = heard(socket, 'disconnect');
			socket.emit('part');
			assert.equal((await away)[0], 'io server disconnect');
			assert.equal(socket.active, false);
			socket.connect();
			await heard(socket, 'connect');
			const lost = heard(socket, 'disconnect');
			const back = heard(socket, 'connect');
			socket.emit('hang-up');
			assert.match((await lost)[0], /^transport (close|error)$/);
			await back;
			assert.equal(await call(socket, 'echo', 'again'), 'again');
		});

		test('many clients come and go at once', async (t) => {
			const sockets = await Promise.all(Array.from({ length: 20 }, () => open(t)));
			const echoed = await Promise.all(sockets.map((socket, n) => call(socket, 'echo', n)));
			assert.deepEqual(echoed, [...sockets.keys()]);
			assert.equal(new Set(sockets.map((socket) => socket.id)).size, 20);
		});
	});

	describe(`connection state recovery, ${mode}`, () => {
		let rooms;
		before(async () => (rooms = await Example.start('room_server', '--recovery')));
		after(() => rooms?.stop());

		/** A client in a room, and the messages it has. */
		async function member(t, url, room) {
			const options = {
				transports,
				forceNew: true,
				reconnectionDelay: 100,
				reconnectionDelayMax: 200,
				randomizationFactor: 0,
			};
			const socket = io(url, options);
			t.after(() => socket.disconnect());
			const got = [];
			socket.on('msg', (message) => got.push(message.n));
			await heard(socket, 'connect');
			assert.equal(socket.recovered, false);
			await socket.timeout(PATIENCE_MS).emitWithAck('join', room);
			return { socket, got };
		}

		const publish = async (socket, room, ...numbers) => {
			for (const n of numbers) await socket.timeout(PATIENCE_MS).emitWithAck('pub', { room, n });
		};

		/** Publishes a last message and waits until it has come: what was due before it has come too. */
		const untilLast = async (publisher, reader, room, last) => {
			const all = (async () => {
				while (reader.got.at(-1) !== last) await once(reader.socket, 'msg');
			})();
			await publish(publisher, room, last);
			await within(PATIENCE_MS, `it has only ${reader.got}`, all);
		};

		test('a lost connection comes back with its id, its rooms and what it missed, once and in order', async (t) => {
			const room = `lost ${mode}`;
			const publisher = (await member(t, rooms.url, 'publishers')).socket;
			const reader = await member(t, rooms.url, room);
			const { id } = reader.socket;
			await untilLast(publisher, reader, room, 0);
			for (let round = 1; round <= 3; round += 1) {
				const back = heard(reader.socket, 'connect');
				reader.socket.io.engine.close();
				await publish(publisher, room, round * 10, round * 10 + 1);
				await back;
				assert.equal(reader.socket.recovered, true, `round ${round}`);
				assert.equal(reader.socket.id, id);
				await untilLast(publisher, reader, room, round * 10 + 2);
			}
			assert.deepEqual(reader.got, [0, 10, 11, 12, 20, 21, 22, 30, 31, 32]);
		});

		test('a connection that died unseen is recovered before the server notices', async (t) => {
			const room = `unseen ${mode}`;
			const wire = await Wire.to(rooms.port);
			t.after(() => wire.close());
			const publisher = (await member(t, rooms.url, 'publishers')).socket;
			const reader = await member(t, wire.url, room);
			await untilLast(publisher, reader, room, 0);
			const back = heard(reader.socket, 'connect');
			const lost = heard(reader.socket, 'disconnect');
			wire.cut();
			await lost;
			await publish(publisher, room, 1, 2);
			wire.mend();
			await back;
			assert.equal(reader.socket.recovered, true);
			await untilLast(publisher, reader, room, 3);
			assert.deepEqual(reader.got, [0, 1, 2, 3]);
		});

		test('whoever said goodbye begins anew', async (t) => {
			const room = `goodbye ${mode}`;
			const publisher = (await member(t, rooms.url, 'publishers')).socket;
			const reader = await member(t, rooms.url, room);
			const { id } = reader.socket;
			await untilLast(publisher, reader, room, 0);
			reader.socket.disconnect();
			await publish(publisher, room, 1);
			const back = heard(reader.socket, 'connect');
			reader.socket.connect();
			await back;
			assert.equal(reader.socket.recovered, false);
			assert.notEqual(reader.socket.id, id);
			await reader.socket.timeout(PATIENCE_MS).emitWithAck('join', room);
			await untilLast(publisher, reader, room, 2);
			assert.deepEqual(reader.got, [0, 2]);
		});
	});
}

/** A TCP relay whose connections can die so that only the client's side notices. */
class Wire {
	#server;
	#pairs = [];
	#dead = [];
	#isCut = false;

	static async to(port) {
		const wire = new Wire();
		wire.#server = createServer((near) => {
			if (wire.#isCut) return near.destroy();
			const far = connect(port, '127.0.0.1');
			near.on('error', () => {});
			far.on('error', () => {});
			near.pipe(far);
			far.pipe(near);
			wire.#pairs.push([near, far]);
		});
		wire.#server.listen(0, '127.0.0.1');
		await once(wire.#server, 'listening');
		wire.url = `http://127.0.0.1:${wire.#server.address().port}`;
		return wire;
	}

	/** No connection lives or begins until it is mended. The server is told nothing. */
	cut() {
		this.#isCut = true;
		for (const [near, far] of this.#pairs.splice(0)) {
			near.unpipe(far);
			far.unpipe(near);
			far.pause();
			near.destroy();
			this.#dead.push(far);
		}
	}

	mend() {
		this.#isCut = false;
	}

	close() {
		this.#server.close();
		for (const socket of [...this.#pairs.flat(), ...this.#dead]) socket.destroy();
	}
}

const PYTHON = process.env.TIDINGS_PYTHON;
const skip = PYTHON ? false : 'SKIP: no Python environment; `cargo xtask test` makes one';

describe('python-socketio', { skip }, () => {
	for (const mode of ['sync-websocket', 'polling', 'websocket', 'upgrade']) {
		test(mode, async (t) => {
			const script = join(ROOT, 'e2e/python/engine_client.py');
			const child = spawn(PYTHON, [script, server.url, TOKEN, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
			t.after(() => child.kill());
			let output = '';
			child.stdout.on('data', (bytes) => (output += bytes));
			const [code] = await within(PATIENCE_MS, `the client did not end; it said ${output}`, once(child, 'exit'));
			assert.equal(code, 0, output);
			const transport = mode.endsWith('polling') ? 'polling' : 'websocket';
			assert.deepEqual(JSON.parse(output), {
				refused: { message: 'members only', data: { code: 'wrong_token' } },
				welcomes: [{ token: TOKEN }, { token: TOKEN }],
				echo: { text: 'blåbær', bytes: '0001020304', list: [1, null, true] },
				silence: 'timeout',
				asked: { question: 'why', answer: 'because' },
				noted: ['one', '6279746573'],
				transport,
			});
		});
	}
});
