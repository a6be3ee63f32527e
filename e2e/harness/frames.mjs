/** A WebSocket client that can break every rule: raw frames on a raw socket. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { within } from './server.mjs';

const PATIENCE_MS = 15_000;

/** A frame as a client sends it: masked, whole and text unless told otherwise. */
export function frame(payload = '', { fin = true, rsv = 0, opcode = 1, masked = true } = {}) {
	const body = Buffer.from(payload);
	const length = [body.length];
	if (body.length > 65_535) {
		length.splice(0, 1, 127, ...Buffer.alloc(8));
	} else if (body.length > 125) {
		length.splice(0, 1, 126, body.length >> 8, body.length & 255);
	}
	const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode, ...length]);
	if (body.length > 65_535) head.writeBigUInt64BE(BigInt(body.length), 2);
	if (!masked) return Buffer.concat([head, body]);
	head[1] |= 0x80;
	const mask = randomBytes(4);
	return Buffer.concat([head, mask, body.map((byte, at) => byte ^ mask[at % 4])]);
}

export function closeFrame(code, reason = '') {
	const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
	payload.writeUInt16BE(code);
	payload.write(reason, 2);
	return frame(payload, { opcode: 8 });
}

export class RawClient {
	#socket;
	#bytes = Buffer.alloc(0);
	#wake = () => {};
	#ended = false;

	/** Opens a WebSocket; answers when the server has said 101. */
	static async open(port, path = '/', headers = {}) {
		const client = new RawClient();
		const socket = connect(port, '127.0.0.1');
		client.#socket = socket;
		socket.on('data', (bytes) => {
			client.#bytes = Buffer.concat([client.#bytes, bytes]);
			client.#wake();
		});
		for (const event of ['end', 'error', 'close']) {
			socket.on(event, () => {
				client.#ended = true;
				client.#wake();
			});
		}
		const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
		socket.write(
			`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
				`Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${lines.join('')}\r\n`,
		);
		const end = await client.#find(() => {
			const at = client.#bytes.indexOf('\r\n\r\n');
			return at < 0 ? undefined : at + 4;
		});
		client.head = client.#take(end).toString();
		return client;
	}

	write(...frames) {
		this.#socket.write(Buffer.concat(frames));
	}

	/** The next frame; `null` when the server has ended the stream. */
	async next() {
		const length = await this.#find(() => this.#frameLength());
		if (length === null) return null;
		const bytes = this.#take(length.head + length.body);
		return { first: bytes[0], opcode: bytes[0] & 15, payload: bytes.subarray(length.head) };
	}

	/** The code of the close frame, after whatever comes before it; answered, and the stream must end then. */
	async closed() {
		for (;;) {
			const next = await this.next();
			if (next === null) throw new Error('the stream ended without a close frame');
			if (next.opcode !== 8) continue;
			const code = next.payload.length > 0 ? next.payload.readUInt16BE() : null;
			this.write(code === null ? frame('', { opcode: 8 }) : closeFrame(code));
			if ((await this.next()) !== null) throw new Error('a frame came after the close frame');
			return code;
		}
	}

	destroy() {
		this.#socket.destroy();
	}

	#frameLength() {
		if (this.#bytes.length < 2) return undefined;
		const short = this.#bytes[1];
		const head = short === 127 ? 10 : short === 126 ? 4 : 2;
		if (this.#bytes.length < head) return undefined;
		let body = short;
		if (short === 126) body = this.#bytes.readUInt16BE(2);
		if (short === 127) body = Number(this.#bytes.readBigUInt64BE(2));
		return this.#bytes.length < head + body ? undefined : { head, body };
	}

	#take(length) {
		const taken = this.#bytes.subarray(0, length);
		this.#bytes = this.#bytes.subarray(length);
		return taken;
	}

	async #find(look) {
		const found = (async () => {
			for (;;) {
				const value = look();
				if (value !== undefined) return value;
				if (this.#ended) return null;
				await new Promise((resolve) => (this.#wake = resolve));
			}
		})();
		return within(PATIENCE_MS, 'the server sent nothing more', found);
	}
}
