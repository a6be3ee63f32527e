/**
 * The real `tidings` binary on a temporary data folder: started on a free port, stopped, started again on the same
 * port and data. Its log is kept, because a journey that fails is read together with it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const STARTS_WITHIN_MS = 20_000;
const STOPS_WITHIN_MS = 10_000;

/** The server's program: `cargo xtask test` names it, and without that it is cargo's dev profile. */
export function binary() {
	const path = process.env.TIDINGS_BINARY ?? join(ROOT, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/tidings');
	if (!existsSync(path)) throw new Error(`${path} is missing: run \`cargo build\` first`);
	return path;
}

export class Server {
	#process;
	#exited;
	#environment;
	#arguments;
	#port = '0';
	/** What it wrote to its standard error, line by line, over all its lives. */
	log = [];
	/** What it wrote to its standard output. */
	output = [];

	constructor(dataDir, { environment = {}, arguments: args = [] } = {}) {
		this.dataDir = dataDir;
		this.#environment = environment;
		this.#arguments = args;
	}

	/** Starts on an empty database. */
	static async start(options) {
		const server = new Server(await mkdtemp(join(tmpdir(), 'tidings-e2e-')), options);
		try {
			await server.start();
		} catch (error) {
			await server.remove();
			throw error;
		}
		return server;
	}

	/** Starts, or starts again on the port and data it had. Resolves when it prints its address. */
	async start() {
		const { PATH, HOME } = process.env;
		const settings = { HOST: '127.0.0.1', PORT: this.#port, DATA_DIR: this.dataDir, TIDINGS_LOG: 'info' };
		const env = { PATH, HOME, ...settings, ...this.#environment };
		const child = spawn(binary(), ['serve', ...this.#arguments], { env, stdio: ['ignore', 'pipe', 'pipe'] });
		this.#process = child;
		this.#exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
		createInterface(child.stderr).on('line', (line) => this.log.push(line));
		this.url = await within(STARTS_WITHIN_MS, 'the server did not print its address', this.#address(child));
		this.#port = new URL(this.url).port;
	}

	async #address(child) {
		const printed = new Promise((resolve) => {
			createInterface(child.stdout).on('line', (line) => {
				this.output.push(line);
				const address = /https?:\/\/\S+/.exec(line);
				if (address) resolve(address[0].replace(/\/$/, ''));
			});
		});
		const ended = this.#exited.then(({ code }) => {
			throw new Error(`the server ended with ${code} before it listened:\n${this.log.slice(-20).join('\n')}`);
		});
		return Promise.race([printed, ended]);
	}

	/** SIGTERM, as an operator stops it; fails if it takes longer than promised. */
	async stop() {
		this.#process.kill('SIGTERM');
		const stopped = await within(STOPS_WITHIN_MS, 'the server did not stop within 10 s of SIGTERM', this.#exited);
		if (stopped.code !== 0) throw new Error(`the server ended with ${stopped.code ?? stopped.signal} on SIGTERM`);
	}

	/** SIGKILL, as a crash stops it. */
	async kill() {
		this.#process?.kill('SIGKILL');
		await this.#exited;
	}

	/** Ends it, whatever its state, and removes its data. */
	async remove() {
		await this.kill();
		await rm(this.dataDir, { recursive: true, force: true });
	}

	/** Calls the HTTP interface; answers the parsed body, or throws with the answer. */
	async api(path, { token, method = 'GET', body } = {}) {
		const headers = { 'content-type': 'application/json' };
		if (token) headers.authorization = `Bearer ${token}`;
		const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
		const text = await response.text();
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
		return text ? JSON.parse(text) : null;
	}

	/** A new account, over HTTP; the first becomes the admin. */
	async signUp(name) {
		const email = `${name.toLowerCase().replace(/\W+/g, '.')}@example.com`;
		const body = { name, email, password: PASSWORD };
		return this.api('/api/v1/auths/signup', { method: 'POST', body });
	}

	/** A session of an account that exists. */
	signIn({ email }) {
		return this.api('/api/v1/auths/signin', { method: 'POST', body: { email, password: PASSWORD } });
	}
}

/** What everybody in a journey signs in with. */
export const PASSWORD = 'correct horse battery';

/** The promise, or an error with this text after so many milliseconds. */
export async function within(milliseconds, text, promise) {
	let timer;
	const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(text)), milliseconds)));
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}

const LOOKS_FOR_MS = 30_000;
const LOOKS_EVERY_MS = 50;

/** Looks again and again until it is so; an error with this text if it never is. */
export async function until(text, isSo) {
	for (const end = Date.now() + LOOKS_FOR_MS; !(await isSo());) {
		if (Date.now() > end) throw new Error(`it never was so: ${text}`);
		await new Promise((resolve) => setTimeout(resolve, LOOKS_EVERY_MS));
	}
}
