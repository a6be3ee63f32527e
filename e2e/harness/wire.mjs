/**
 * A wire between a client and the server that can be cut, or go silent without anybody being told: for a moment, or
 * until it is mended.
 */
import { connect, createServer } from 'node:net';

export class Wire {
	#server;
	#pairs = new Set();
	#isSevered = false;
	#isSilent = false;

	/** Listens on a free port and carries everything to the server. */
	static async to(url) {
		const { hostname, port } = new URL(url);
		const wire = new Wire();
		wire.#server = createServer((near) => wire.#carry(near, connect(Number(port), hostname)));
		await new Promise((resolve) => wire.#server.listen(0, '127.0.0.1', resolve));
		// Who fails before closing it must not wait for it forever; nor for what hangs on it and never ends by itself.
		wire.#server.unref();
		wire.url = `http://127.0.0.1:${wire.#server.address().port}`;
		return wire;
	}

	#carry(near, far) {
		const pair = { near, far };
		this.#pairs.add(pair);
		const end = () => {
			this.#pairs.delete(pair);
			near.destroy();
			far.destroy();
		};
		for (const socket of [near, far]) socket.on('error', end).on('close', end).unref();
		if (this.#isSevered) return end();
		near.pipe(far);
		far.pipe(near);
		if (this.#isSilent) silence(pair);
	}

	/** Ends every connection; new ones are carried. */
	cut() {
		for (const { near, far } of this.#pairs) {
			near.resetAndDestroy();
			far.resetAndDestroy();
		}
	}

	/** Ends every connection, and new ones too, until it is mended. */
	sever() {
		this.#isSevered = true;
		this.cut();
	}

	/** Nothing passes any more over the connections of now, and nobody is told; new ones are carried. */
	freeze() {
		for (const pair of this.#pairs) silence(pair);
	}

	/** The same, and nothing passes over new ones either, until it is mended. */
	hang() {
		this.#isSilent = true;
		this.freeze();
	}

	/** New connections are carried again; what hung is broken, as a device's sockets are after sleep. */
	mend() {
		if (this.#isSilent) this.cut();
		this.#isSilent = false;
		this.#isSevered = false;
	}

	close() {
		this.cut();
		return new Promise((resolve) => this.#server.close(resolve));
	}
}

function silence({ near, far }) {
	near.unpipe(far);
	far.unpipe(near);
	near.pause();
	far.pause();
}
