import { describe, expect, it } from 'vitest';
import { ApiError, Unreachable } from './errors.ts';
import { createApi } from './http.ts';
import { within } from './within.ts';

interface NodeModules {
	'node:v8': { setFlagsFromString(flag: string): void };
	'node:vm': { runInNewContext(code: string): () => void };
}

/** The garbage collector, now. */
function tidyUp(): void {
	type Process = { getBuiltinModule<N extends keyof NodeModules>(name: N): NodeModules[N] };
	const { process } = globalThis as unknown as { process: Process };
	process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
	process.getBuiltinModule('node:vm').runInNewContext('gc')();
}

function answering(status: number, body: unknown, headers: Record<string, string> = {}) {
	const asked: Request[] = [];
	const fetch = async (input: RequestInfo | URL) => {
		asked.push(input as Request);
		return new Response(JSON.stringify(body), {
			status,
			headers: { 'content-type': 'application/json', ...headers },
		});
	};
	return { asked, fetch: fetch as typeof globalThis.fetch };
}

describe('createApi', () => {
	it('fills in the path, the query and the token of now', async () => {
		const { asked, fetch } = answering(200, []);
		let token: string | null = 'first';
		const api = createApi({ baseUrl: 'http://localhost', token: () => token, fetch });
		await api.channels.messages('a/b', 50, 25);
		token = null;
		await api.channels.list();
		expect(asked[0]?.url).toBe('http://localhost/api/v1/channels/a%2Fb/messages?skip=50&limit=25');
		expect(asked[0]?.headers.get('authorization')).toBe('Bearer first');
		expect(asked[1]?.headers.get('authorization')).toBeNull();
	});

	it('says up to which event a snapshot is', async () => {
		const { fetch } = answering(200, { blocks: [], total: 2 }, { 'tidings-as-of': 'user:ada=7:1763900000000' });
		const { body, heads } = await createApi({ baseUrl: 'http://localhost', fetch }).memory.blocks();
		expect([body.total, heads]).toEqual([2, { 'user:ada': [7, 1763900000000] }]);
	});

	it('throws the detail and the code of an error', async () => {
		const body = { detail: 'The channel does not exist.', code: 'channel_not_found' };
		const api = createApi({ baseUrl: 'http://localhost', ...answering(404, body) });
		const error = await api.channels.get('x').catch((caught: unknown) => caught);
		expect(error).toBeInstanceOf(ApiError);
		expect(error).toMatchObject({ status: 404, code: 'channel_not_found', detail: body.detail });
	});

	it('makes a sentence of a detail', async () => {
		const body = { detail: 'the password is not right', code: 'credentials_wrong' };
		const api = createApi({ baseUrl: 'http://localhost', ...answering(400, body) });
		await expect(api.auth.signIn('a@b.c', 'x')).rejects.toThrow('The password is not right.');
	});

	it('makes a sentence of validation errors and reads how long to wait', async () => {
		const body = { detail: [{ type: 'missing', loc: ['body', 'name'], msg: 'Field required', input: {} }] };
		const api = createApi({ baseUrl: 'http://localhost', ...answering(422, body, { 'retry-after': '7' }) });
		const error = await api.auth.signUp('', 'a@b.c', 'x').catch((caught: unknown) => caught);
		expect(error).toMatchObject({ detail: 'name: Field required', code: 'http_422', retryAfter: 7 });
	});

	it('says that the token may have ended', async () => {
		let told = 0;
		const options = { baseUrl: 'http://localhost', onUnauthorized: () => void (told += 1) };
		const no = createApi({ ...options, ...answering(401, { detail: 'no', code: 'not_authenticated' }) });
		await no.channels.list().catch(() => undefined);
		const yes = createApi({ ...options, ...answering(200, []) });
		await yes.channels.list();
		expect(told).toBe(1);
	});

	it('does not wait for ever, also if memory is tidied up meanwhile', async () => {
		const hanging = (_: unknown, init?: RequestInit) =>
			new Promise<Response>((_resolve, reject) => {
				init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
			});
		const fetch = hanging as typeof globalThis.fetch;
		const api = createApi({ baseUrl: 'http://localhost', fetch, timeoutMs: 50 });
		const calls = Array.from({ length: 20 }, () => api.channels.list());
		setTimeout(tidyUp, 5);
		const outcomes = await Promise.allSettled(calls);
		for (const outcome of outcomes) {
			expect(outcome.status === 'rejected' && outcome.reason).toBeInstanceOf(Unreachable);
		}
	});

	it('ends a call with the signal that was given', async () => {
		const given = new AbortController();
		const { signal } = within(10_000, given.signal);
		given.abort(new Error('not wanted any more'));
		expect(signal.reason).toEqual(new Error('not wanted any more'));
		expect(within(10_000, given.signal).signal.aborted).toBe(true);
	});

	it('tells an unreachable server from one that says no', async () => {
		const fetch = () => Promise.reject(new TypeError('failed to fetch'));
		const api = createApi({ baseUrl: 'http://localhost', fetch });
		await expect(api.config()).rejects.toBeInstanceOf(Unreachable);
	});
});
