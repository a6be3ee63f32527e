/**
 * A wire between a client and the server that can be cut, or go silent without anybody being told.
 */
import { connect, createServer } from 'node:net';

export class Wire {
	#server;
	#pairs = new Set();

	/** Listens on a free port and carries everything to the server. */
	static async to(url) {
		const { hostname, port } = new URL(url);
		const wire = new Wire();
		wire.#server = createServer((near) => {
			const far = connect(Number(port), hostname);
			const pair = { near, far };
			wire.#pairs.add(pair);
			near.pipe(far);
			far.pipe(near);
			const end = () => {
				wire.#pairs.delete(pair);
				near.destroy();
				far.destroy();
			};
			for (const socket of [near, far]) socket.on('error', end).on('close', end);
		});
		await new Promise((resolve) => wire.#server.listen(0, '127.0.0.1', resolve));
		wire.url = `http://127.0.0.1:${wire.#server.address().port}`;
		return wire;
	}

	/** Ends every connection; new ones are carried. */
	cut() {
		for (const { near, far } of this.#pairs) {
			near.resetAndDestroy();
			far.resetAndDestroy();
		}
	}

	/** Nothing passes any more over the connections of now, and nobody is told; new ones are carried. */
	freeze() {
		for (const { near, far } of this.#pairs) {
			near.unpipe(far);
			far.unpipe(near);
			near.pause();
			far.pause();
		}
	}

	close() {
		this.cut();
		return new Promise((resolve) => this.#server.close(resolve));
	}
}
