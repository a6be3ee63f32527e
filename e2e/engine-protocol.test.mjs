/**
 * What the official test suites of Engine.IO 4 and Socket.IO 5 ask of a server, asked here in our own words, against
 * the servers that those suites expect: `engine_suite` (an echo) and `protocol_suite`. Nothing but `fetch` and `ws`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { Example } from './harness/example.mjs';
import { within } from './harness/server.mjs';

const PATIENCE_MS = 15_000;
const PING_INTERVAL_MS = 300;
const PING_TIMEOUT_MS = 200;
const SEPARATOR = '\x1e';

/** A polling session: GETs and POSTs of one path. */
class Polling {
	static async open(base) {
		const response = await fetch(`${base}?EIO=4&transport=polling`);
		assert.equal(response.status, 200);
		const text = await response.text();
		assert.equal(text[0], '0');
		const session = new Polling();
		session.handshake = JSON.parse(text.slice(1));
		session.url = `${base}?EIO=4&transport=polling&sid=${session.handshake.sid}`;
		return session;
	}

	async get() {
		const response = await fetch(this.url);
		return { status: response.status, text: await response.text() };
	}

	/** Asks, and reads what there is to read, until the server knows this session no more. */
	async gone() {
		while ((await this.get()).status === 200);
	}

	async post(body) {
		const response = await fetch(this.url, { method: 'POST', body });
		return { status: response.status, text: await response.text() };
	}
}

/** A WebSocket whose messages are read one after the other. */
class Stream {
	#messages = [];
	#wake = () => {};

	constructor(t, url) {
		this.socket = new WebSocket(url);
		this.socket.binaryType = 'nodebuffer';
		t.after(() => this.socket.terminate());
		this.socket.on('message', (data, isBinary) => this.#push(isBinary ? data : data.toString()));
		this.socket.on('close', () => this.#push(null));
		// A handshake that fails closes too.
		this.socket.on('error', () => {});
	}

	/** The next message; `null` at the end. */
	next() {
		const next = (async () => {
			while (this.#messages.length === 0) await new Promise((resolve) => (this.#wake = resolve));
			return this.#messages.shift();
		})();
		return within(PATIENCE_MS, 'no message came', next);
	}

	/** The next message that is not a ping; pings are answered. */
	async said() {
		for (;;) {
			const message = await this.next();
			if (message !== '2') return message;
			this.send('3');
		}
	}

	/** Answers pings until the server closes; what else it says is an error. */
	async ended() {
		assert.equal(await this.said(), null);
	}

	send(message) {
		this.socket.send(message);
	}

	#push(message) {
		this.#messages.push(message);
		this.#wake();
	}
}

describe('Engine.IO', () => {
	let server, http, ws;
	before(async () => {
		server = await Example.start('engine_suite');
		http = `${server.url}/engine.io/`;
		ws = `ws://127.0.0.1:${server.port}/engine.io/`;
	});
	after(() => server?.stop());

	const connect = async (t) => {
		const stream = new Stream(t, `${ws}?EIO=4&transport=websocket`);
		const open = await stream.next();
		assert.equal(open[0], '0');
		return { stream, handshake: JSON.parse(open.slice(1)) };
	};

	const times = { pingInterval: PING_INTERVAL_MS, pingTimeout: PING_TIMEOUT_MS, maxPayload: 1_000_000 };

	describe('handshake', () => {
		test('polling opens a session', async () => {
			const { handshake } = await Polling.open(http);
			const { sid, ...rest } = handshake;
			assert.equal(typeof sid, 'string');
			assert.deepEqual(rest, { upgrades: ['websocket'], ...times });
		});

		test('WebSocket opens a session', async (t) => {
			const { sid, ...rest } = (await connect(t)).handshake;
			assert.equal(typeof sid, 'string');
			assert.deepEqual(rest, { upgrades: [], ...times });
		});

		for (const query of [
			'transport=polling',
			'EIO=abc&transport=polling',
			'EIO=4',
			'EIO=4&transport=abc',
			'EIO=3&transport=polling',
		]) {
			test(`polling with ${query} is a 400`, async () => {
				assert.equal((await fetch(`${http}?${query}`)).status, 400);
			});
		}

		for (const query of ['transport=websocket', 'EIO=abc&transport=websocket', 'EIO=4&transport=abc', 'EIO=4']) {
			test(`a WebSocket with ${query} is refused`, async (t) => {
				assert.equal(await new Stream(t, `${ws}?${query}`).next(), null);
			});
		}

		for (const method of ['POST', 'PUT', 'DELETE']) {
			test(`${method} opens nothing`, async () => {
				assert.equal((await fetch(`${http}?EIO=4&transport=polling`, { method })).status, 400);
			});
		}

		test('an unknown session is a 400', async () => {
			assert.equal((await fetch(`${http}?EIO=4&transport=polling&sid=unknown`)).status, 400);
		});
	});

	describe('messages', () => {
		test('text and bytes over polling, several in one body', async () => {
			const session = await Polling.open(http);
			const packets = ['4one', '4två', 'bAQIDBA==', '4'];
			assert.deepEqual(await session.post(packets.join(SEPARATOR)), { status: 200, text: 'ok' });
			const heard = [];
			while (heard.length < packets.length) {
				const { status, text } = await session.get();
				assert.equal(status, 200);
				heard.push(...text.split(SEPARATOR).filter((packet) => packet !== '2'));
			}
			assert.deepEqual(heard, packets);
		});

		test('a body that is no payload ends the session', async () => {
			const session = await Polling.open(http);
			assert.equal((await session.post('abc')).status, 400);
			assert.equal((await session.get()).status, 400);
		});

		test('two GETs at once end the session', async () => {
			const session = await Polling.open(http);
			const answers = await Promise.all([session.get(), session.get()]);
			assert.ok(
				answers.some(({ status }) => status === 400),
				JSON.stringify(answers),
			);
			assert.equal((await session.get()).status, 400);
		});

		test('a body over maxPayload is a 413', async () => {
			const session = await Polling.open(http);
			assert.equal((await session.post(`4${'x'.repeat(1_000_001)}`)).status, 413);
		});

		test('text and bytes over WebSocket', async (t) => {
			const { stream } = await connect(t);
			stream.send('4hello');
			assert.equal(await stream.said(), '4hello');
			stream.send(Buffer.from([1, 2, 3, 4]));
			assert.deepEqual(await stream.said(), Buffer.from([1, 2, 3, 4]));
		});

		test('a packet of no known type ends the WebSocket', async (t) => {
			const { stream } = await connect(t);
			stream.send('abc');
			await stream.ended();
		});
	});

	describe('heartbeat', () => {
		test('a polling client that answers pings stays, one that does not is gone', async () => {
			const session = await Polling.open(http);
			for (let round = 0; round < 3; round += 1) {
				assert.deepEqual(await session.get(), { status: 200, text: '2' });
				assert.equal((await session.post('3')).status, 200);
			}
			assert.equal((await session.get()).text, '2');
			await within(PATIENCE_MS, 'a session without pongs did not end', session.gone());
		});

		test('a WebSocket that answers pings stays, one that does not is closed', async (t) => {
			const { stream } = await connect(t);
			for (let round = 0; round < 3; round += 1) {
				assert.equal(await stream.next(), '2');
				stream.send('3');
			}
			assert.equal(await stream.next(), '2');
			assert.equal(await stream.next(), null);
		});
	});

	describe('close', () => {
		test('a polling client closes: its GET ends with a noop', async () => {
			const session = await Polling.open(http);
			const [polled, posted] = await Promise.all([session.get(), session.post('1')]);
			assert.equal(posted.status, 200);
			assert.deepEqual(polled, { status: 200, text: '6' });
			assert.equal((await session.get()).status, 400);
		});

		test('a WebSocket client closes', async (t) => {
			const { stream } = await connect(t);
			stream.send('1');
			await stream.ended();
		});
	});

	describe('upgrade', () => {
		async function upgrade(t) {
			const session = await Polling.open(http);
			const stream = new Stream(t, `${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
			const opened = new Promise((resolve) => stream.socket.once('open', resolve));
			await within(PATIENCE_MS, 'no WebSocket', opened);
			const polled = session.get();
			stream.send('2probe');
			assert.equal(await stream.next(), '3probe');
			assert.equal((await polled).text, '6');
			stream.send('5');
			return { session, stream };
		}

		test('moves the session', async (t) => {
			const { stream } = await upgrade(t);
			stream.send('4hello');
			assert.equal(await stream.said(), '4hello');
		});

		test('leaves nothing for polling', async (t) => {
			const { session, stream } = await upgrade(t);
			stream.send('4first');
			assert.equal(await stream.said(), '4first');
			assert.equal((await session.post('4hello')).status, 400);
			stream.send('4second');
			assert.equal(await stream.said(), '4second');
		});

		test('is not for a session that has a WebSocket', async (t) => {
			const { stream, handshake } = await connect(t);
			const second = new Stream(t, `${ws}?EIO=4&transport=websocket&sid=${handshake.sid}`);
			assert.equal(await second.next(), null);
			stream.send('4hello');
			assert.equal(await stream.said(), '4hello');
		});

		test('that probes with something else is closed, and polling goes on', async (t) => {
			const session = await Polling.open(http);
			const stream = new Stream(t, `${ws}?EIO=4&transport=websocket&sid=${session.handshake.sid}`);
			const opened = new Promise((resolve) => stream.socket.once('open', resolve));
			await within(PATIENCE_MS, 'no WebSocket', opened);
			stream.send('2prob');
			assert.equal(await stream.next(), null);
			assert.equal((await session.post('4hello')).status, 200);
			assert.equal((await session.get()).text, '4hello');
		});
	});
});

describe('Socket.IO', () => {
	let server, ws;
	before(async () => {
		server = await Example.start('protocol_suite');
		ws = `ws://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket`;
	});
	after(() => server?.stop());

	const open = async (t) => {
		const stream = new Stream(t, ws);
		assert.equal((await stream.next())[0], '0');
		return stream;
	};

	/** Joins a namespace; `prefix` is `` or `/name,`. */
	const join = async (stream, prefix = '', auth = '') => {
		stream.send(`40${prefix}${auth}`);
		const answer = await stream.said();
		assert.ok(answer.startsWith(`40${prefix}{"sid":"`), answer);
		assert.equal(await stream.said(), `42${prefix}["auth",${auth || '{}'}]`);
		return JSON.parse(answer.slice(2 + prefix.length)).sid;
	};

	const connected = async (t) => {
		const stream = await open(t);
		await join(stream);
		return stream;
	};

	for (const prefix of ['', '/custom,']) {
		const name = prefix === '' ? '/' : '/custom';
		test(`CONNECT to ${name}, with and without auth`, async (t) => {
			await join(await open(t), prefix);
			await join(await open(t), prefix, '{"token":"123"}');
		});
	}

	test('CONNECT to an unknown namespace is refused', async (t) => {
		const stream = await open(t);
		stream.send('40/random');
		assert.equal(await stream.said(), '44/random,{"message":"Invalid namespace"}');
	});

	test('CONNECT over polling', async () => {
		const session = await Polling.open(`${server.url}/socket.io/`);
		assert.equal((await session.post('40')).status, 200);
		const first = await session.get();
		assert.match(first.text, /^40\{"sid":"[^"]+"\}/);
		const auth = first.text.split(SEPARATOR)[1] ?? (await session.get()).text;
		assert.equal(auth, '42["auth",{}]');
	});

	test('whoever never CONNECTs is closed', async (t) => {
		await (await open(t)).ended();
	});

	test('namespaces share a connection and leave it one by one', async (t) => {
		const stream = await connected(t);
		const other = await join(stream, '/custom,');
		assert.equal(typeof other, 'string');
		stream.send('41');
		stream.send('42/custom,["message","still here"]');
		assert.equal(await stream.said(), '42/custom,["message-back","still here"]');
	});

	test('events come back with every kind of argument', async (t) => {
		const stream = await connected(t);
		for (const args of ['1,"2",{"3":[true]}', '"ünïcödé ✓"', 'null', '[],{},[[[]]]']) {
			stream.send(`42["message",${args}]`);
			assert.equal(await stream.said(), `42["message-back",${args}]`);
		}
	});

	test('events are acknowledged, by their number', async (t) => {
		const stream = await connected(t);
		stream.send('42456["message-with-ack",1,"2",{"3":[false]}]');
		assert.equal(await stream.said(), '43456[1,"2",{"3":[false]}]');
		stream.send('420["message-with-ack"]');
		assert.equal(await stream.said(), '430[]');
	});

	test('attachments go both ways, with acks too', async (t) => {
		const stream = await connected(t);
		const places = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
		for (const [sent, expected] of [
			[`452-["message",${places}]`, `452-["message-back",${places}]`],
			[`452-789["message-with-ack",${places}]`, `462-789[${places}]`],
		]) {
			stream.send(sent);
			stream.send(Buffer.from([1, 2, 3]));
			stream.send(Buffer.from([4, 5, 6]));
			assert.equal(await stream.said(), expected);
			assert.deepEqual(await stream.said(), Buffer.from([1, 2, 3]));
			assert.deepEqual(await stream.said(), Buffer.from([4, 5, 6]));
		}
	});

	for (const [what, messages] of [
		['a packet of no known type', ['4abc']],
		['JSON that is none', ['42{']],
		['an event that is no array', ['42{"a":1}']],
		['an event without a name', ['42[]']],
		['a name that is no text', ['42[{}]']],
		['an ack that is no array', ['431{}']],
		['a number of attachments that is none', ['45x-["message"]']],
		['text where an attachment is due', ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]']],
		['an attachment of nothing', [Buffer.from([1])]],
		['a second CONNECT to the same namespace', ['40']],
	]) {
		test(`${what} closes the connection`, async (t) => {
			const stream = await connected(t);
			messages.forEach((message) => stream.send(message));
			await stream.ended();
		});
	}

	test('an event before CONNECT closes the connection', async (t) => {
		const stream = await open(t);
		stream.send('42["message"]');
		await stream.ended();
	});
});
