/** One of the example servers of `crates/socketio`, on a free port. `cargo xtask test journeys` builds them. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { binary, within } from './server.mjs';

const STARTS_WITHIN_MS = 20_000;

export class Example {
	#process;

	/** Starts it; more arguments are its own. */
	static async start(name, ...args) {
		const path = join(dirname(binary()), 'examples', name);
		if (!existsSync(path)) throw new Error(`${path} is missing: run \`cargo build -p socketio --examples\` first`);
		const example = new Example();
		const child = spawn(path, ['--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
		example.#process = child;
		const address = new Promise((resolve, reject) => {
			child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it listened`)));
			createInterface(child.stdout).on('line', (line) => {
				const port = /listening on .*:(\d+)$/.exec(line);
				if (port) resolve(Number(port[1]));
			});
		});
		example.port = await within(STARTS_WITHIN_MS, `${name} did not print its address`, address);
		example.url = `http://127.0.0.1:${example.port}`;
		return example;
	}

	stop() {
		this.#process.kill('SIGKILL');
	}
}
