/**
 * RFC 6455 and RFC 7692 with a client that nobody here wrote (`ws`), and with raw frames for what no library sends: the
 * echo server on our own WebSocket stack.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { Example } from './harness/example.mjs';
import { RawClient, closeFrame, frame } from './harness/frames.mjs';
import { within } from './harness/server.mjs';

const PATIENCE_MS = 15_000;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

let server;
before(async () => (server = await Example.start('ws_echo')));
after(() => server?.stop());

describe('ws', () => {
	async function open(t, options) {
		const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, options);
		t.after(() => socket.terminate());
		await within(PATIENCE_MS, 'no connection', once(socket, 'open'));
		return socket;
	}

	async function echo(socket, message) {
		const answer = once(socket, 'message');
		socket.send(message);
		const [data, isBinary] = await within(PATIENCE_MS, 'no echo', answer);
		return isBinary ? data : data.toString();
	}

	for (const perMessageDeflate of [false, true]) {
		test(`echoes every length, ${perMessageDeflate ? 'compressed' : 'plain'}`, async (t) => {
			const socket = await open(t, { perMessageDeflate: perMessageDeflate && { threshold: 0 } });
			assert.equal(socket.extensions.startsWith('permessage-deflate'), perMessageDeflate);
			for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000]) {
				const text = 'blåbær '.repeat(length / 7).padEnd(length, 'x');
				assert.equal(await echo(socket, text), text, `${length} characters`);
				const noise = randomBytes(length);
				assert.deepEqual(await echo(socket, noise), noise, `${length} bytes of noise`);
				const zeros = Buffer.alloc(length);
				assert.deepEqual(await echo(socket, zeros), zeros, `${length} zeros`);
			}
		});

		test(`takes fragments, ${perMessageDeflate ? 'compressed' : 'plain'}`, async (t) => {
			const socket = await open(t, { perMessageDeflate: perMessageDeflate && { threshold: 0 } });
			const answer = once(socket, 'message');
			const pong = once(socket, 'pong');
			for (const piece of ['one ', 'two '.repeat(500), '']) socket.send(piece, { fin: false });
			socket.ping('between');
			socket.send('three', { fin: true });
			const [payload] = await within(PATIENCE_MS, 'no pong', pong);
			assert.equal(payload.toString(), 'between');
			const [data] = await within(PATIENCE_MS, 'no echo', answer);
			assert.equal(data.toString(), `one ${'two '.repeat(500)}three`);
		});
	}

	for (const [what, options, extensions] of [
		['a smaller window of the server is declined', { serverMaxWindowBits: 10 }, ''],
		['a smaller window of the client is taken', { clientMaxWindowBits: 9 }, 'permessage-deflate'],
		['no takeover is what there is', { serverNoContextTakeover: true }, 'permessage-deflate'],
	]) {
		test(what, async (t) => {
			const socket = await open(t, { perMessageDeflate: { threshold: 0, ...options } });
			assert.equal(socket.extensions.split(';')[0], extensions);
			const text = 'again and again '.repeat(1000);
			assert.equal(await echo(socket, text), text);
			assert.equal(await echo(socket, text), text);
		});
	}

	test('closes with the code and the handshake of either side', async (t) => {
		for (const code of [1000, 1001, 1003, 1007, 1011, 3000, 4999]) {
			const socket = await open(t);
			const closed = once(socket, 'close');
			socket.close(code, 'as agreed');
			assert.equal((await within(PATIENCE_MS, 'no close', closed))[0], code);
		}
		const socket = await open(t);
		const closed = once(socket, 'close');
		socket.close();
		assert.equal((await within(PATIENCE_MS, 'no close', closed))[0], 1005);
	});
});

describe('raw frames', () => {
	async function open(t, headers) {
		const client = await RawClient.open(server.port, '/', headers);
		t.after(() => client.destroy());
		assert.match(client.head, /^HTTP\/1\.1 101 /);
		return client;
	}

	const compressed = (text) => deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
	const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
	const half = (fin, opcode) => ({ fin, opcode });

	/** Frames, and the code that the server closes with. */
	const breaches = {
		'a frame that is not masked': [[frame('x', { masked: false })], 1002],
		'reserved bit 1 without an extension': [[frame('x', { rsv: 4 })], 1002],
		'reserved bit 2': [[frame('x', { rsv: 2 })], 1002],
		'reserved bit 3': [[frame('x', { rsv: 1 })], 1002],
		'a reserved bit on a control frame': [[frame('x', { rsv: 4, opcode: PING })], 1002],
		'a continuation of nothing': [[frame('x', { opcode: 0 })], 1002],
		'a message inside a message': [[frame('a', half(false, TEXT)), frame('b', half(true, TEXT))], 1002],
		'a fragmented ping': [[frame('x', half(false, PING))], 1002],
		'a ping of 126 bytes': [[frame('x'.repeat(126), { opcode: PING })], 1002],
		'a close frame with half a code': [[frame('\x03', { opcode: CLOSE })], 1002],
		'a close reason that is not UTF-8': [[frame(Buffer.from([3, 232, 0xff]), { opcode: CLOSE })], 1007],
		'text that is not UTF-8': [[frame(Buffer.from([0xce, 0xba, 0xe1]))], 1007],
		'text with a surrogate': [[frame(Buffer.from([0xed, 0xa0, 0x80]))], 1007],
		'text cut inside a character at its end': [
			[frame('x', half(false, TEXT)), frame(Buffer.from([0xc3]), half(true, 0))],
			1007,
		],
	};
	for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
		breaches[`opcode ${opcode}`] = [[frame('x', { opcode })], 1002];
	}
	for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
		breaches[`close code ${code}`] = [[closeFrame(code)], 1002];
	}
	for (const [what, [frames, code]] of Object.entries(breaches)) {
		test(`${what} ends in ${code}`, async (t) => {
			const client = await open(t);
			client.write(...frames);
			assert.equal(await client.closed(), code);
		});
	}

	test('a message over the limit ends in 1009 at its header', async (t) => {
		const client = await open(t);
		const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
		header.writeBigUInt64BE(BigInt(MAX_MESSAGE_BYTES + 1), 2);
		client.write(header);
		assert.equal(await client.closed(), 1009);
	});

	test('a character may be cut by fragments, and control frames come between', async (t) => {
		const client = await open(t);
		const [first, second] = [Buffer.from('å').subarray(0, 1), Buffer.from('å').subarray(1)];
		client.write(frame(first, half(false, TEXT)), frame('?', { opcode: PING }));
		const pong = await client.next();
		assert.deepEqual([pong.first, pong.payload.toString()], [0x80 | PONG, '?']);
		client.write(frame('unasked', { opcode: PONG }), frame(second, half(false, 0)), frame('', half(true, 0)));
		const echo = await client.next();
		assert.deepEqual([echo.first, echo.payload.toString()], [0x80 | TEXT, 'å']);
	});

	test('every byte may come alone', async (t) => {
		const client = await open(t);
		for (const byte of Buffer.concat([frame('slow'), frame('go', { opcode: BINARY })])) {
			client.write(Buffer.from([byte]));
			await new Promise(setImmediate);
		}
		assert.equal((await client.next()).payload.toString(), 'slow');
		assert.equal((await client.next()).payload.toString(), 'go');
	});

	test('many frames in one packet are all answered, in order', async (t) => {
		const client = await open(t);
		client.write(...Array.from({ length: 500 }, (_, n) => frame(`${n}`)));
		for (let n = 0; n < 500; n += 1) assert.equal((await client.next()).payload.toString(), `${n}`);
	});

	test('of pings that wait together the newest is answered', async (t) => {
		const client = await open(t);
		client.write(frame('1', { opcode: PING }), frame('2', { opcode: PING }), frame('done'));
		const answers = [];
		while (!answers.includes('done')) answers.push((await client.next()).payload.toString());
		assert.ok(answers.includes('2'), answers.join());
	});

	test('nothing after the close frame is answered', async (t) => {
		const client = await open(t);
		client.write(closeFrame(1000), frame('too late'));
		assert.equal(await client.closed(), 1000);
	});

	test('a close frame without a code is answered without one', async (t) => {
		const client = await open(t);
		client.write(frame('', { opcode: CLOSE }));
		assert.equal(await client.closed(), null);
	});

	describe('permessage-deflate', () => {
		test('the mark is on the first frame only, the rest of the message follows plain', async (t) => {
			const client = await open(t, OFFER);
			assert.match(client.head, /server_no_context_takeover; client_no_context_takeover/);
			const body = compressed('hello '.repeat(50));
			client.write(frame(body.subarray(0, 5), { rsv: 4, fin: false }), frame(body.subarray(5), { opcode: 0 }));
			const echo = await client.next();
			assert.equal(echo.first, 0xc1);
			const tail = Buffer.from([0, 0, 0xff, 0xff]);
			const inflated = inflateRawSync(Buffer.concat([echo.payload, tail]), {
				finishFlush: constants.Z_SYNC_FLUSH,
			});
			assert.equal(inflated.toString(), 'hello '.repeat(50));
		});

		for (const [what, frames, code] of [
			['the mark on a ping', [frame('x', { rsv: 4, opcode: PING })], 1002],
			['the mark on a continuation', [frame('x', half(false, TEXT)), frame('y', { rsv: 4, opcode: 0 })], 1002],
			['another reserved bit beside it', [frame(compressed('xxxxx'), { rsv: 6 })], 1002],
			['data that is not compressed', [frame('not deflate at all', { rsv: 4 })], 1007],
			['compressed text that is not UTF-8', [frame(compressed(Buffer.alloc(9, 0xff)), { rsv: 4 })], 1007],
			['a bomb', [frame(compressed(Buffer.alloc(MAX_MESSAGE_BYTES + 1)), { rsv: 4, opcode: BINARY })], 1009],
		]) {
			test(`${what} ends in ${code}`, async (t) => {
				const client = await open(t, OFFER);
				client.write(...frames);
				assert.equal(await client.closed(), code);
			});
		}

		test('a header that is no list fails the handshake', async (t) => {
			const client = await RawClient.open(server.port, '/', {
				'Sec-WebSocket-Extensions': 'permessage-deflate; =',
			});
			t.after(() => client.destroy());
			assert.match(client.head, /^HTTP\/1\.1 400 /);
		});
	});
});
