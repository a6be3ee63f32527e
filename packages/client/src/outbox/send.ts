/**
 * One attempt over HTTP, and the question whether a command ran. Never with the cookie: the token alone says whose it is.
 */
import { apiError, type ApiError } from '../errors.ts';
import { within } from '../within.ts';
import type { Outcome } from './machine.ts';
import type { Json, Row } from './row.ts';

/** What the server says of a command: done, not done, or beyond its memory. */
export type Ran = { kind: 'ran'; answer: Json } | { kind: 'not' } | { kind: 'unknown' } | Outcome;

export interface Sender {
	send(row: Row, token: string, signal: AbortSignal): Promise<Outcome>;
	/** Asks whether a command ran that was first sent at `row.firstSentAt`. */
	ask(row: Row, token: string, now: number, signal: AbortSignal): Promise<Ran>;
}

/** Statuses that ask for patience. */
const PATIENCE: readonly number[] = [408, 425, 429];
/** Statuses that the same body meets again and again. */
const HOPELESS: readonly number[] = [400, 409, 413, 415, 422];
const TIMEOUT_MS = 30_000;
const BEYOND = 'Nobody knows any more whether this was done. Look before you try it again.';

export class HttpSender implements Sender {
	readonly #url: string;
	readonly #fetch: typeof globalThis.fetch;

	constructor(url: string, fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)) {
		this.#url = url;
		this.#fetch = fetch;
	}

	async send(row: Row, token: string, signal: AbortSignal): Promise<Outcome> {
		const { method, path, body } = row.request;
		const headers: Record<string, string> = { authorization: `Bearer ${token}` };
		if (body !== undefined) headers['content-type'] = 'application/json';
		if (row.once !== 'temp_id') headers['idempotency-key'] = row.id;
		const answer = await this.#ask(
			path,
			{ method, headers, body: body === undefined ? undefined : JSON.stringify(body) },
			signal,
		);
		if (answer instanceof Error) return silence();
		if (answer.response.ok) return { kind: 'done', answer: answer.body };
		return refusal(apiError(answer.response.status, answer.body, answer.response.headers.get('retry-after')), row);
	}

	async ask(row: Row, token: string, now: number, signal: AbortSignal): Promise<Ran> {
		const path = `/api/v1/commands/${encodeURIComponent(row.id)}`;
		const answer = await this.#ask(path, { headers: { authorization: `Bearer ${token}` } }, signal);
		if (answer instanceof Error) return silence();
		const { response, body } = answer;
		if (!response.ok) return refusal(apiError(response.status, body, response.headers.get('retry-after')), row);
		const told = body as { ran?: boolean; answer?: Json; now?: number; known_since?: number } | null;
		if (told?.ran === true) return { kind: 'ran', answer: told.answer ?? null };
		// Both clocks may differ; the server says what time it has.
		const firstSentAt = (row.firstSentAt ?? now) + ((told?.now ?? now) - now);
		if (told?.ran === false && firstSentAt >= (told.known_since ?? Number.POSITIVE_INFINITY))
			return { kind: 'not' };
		return { kind: 'unknown' };
	}

	async #ask(
		path: string,
		init: RequestInit,
		signal: AbortSignal,
	): Promise<{ response: Response; body: Json } | Error> {
		const timely = within(TIMEOUT_MS, signal);
		try {
			const response = await this.#fetch(this.#url + path, {
				...init,
				credentials: 'omit',
				signal: timely.signal,
			});
			const text = await response.text();
			return { response, body: parsed(text) };
		} catch (error) {
			return error instanceof Error ? error : new Error(String(error));
		} finally {
			timely.done();
		}
	}
}

/** What is shown of a command that is beyond the server's memory. */
export function beyondMemory(): Outcome {
	return { kind: 'refused', reason: BEYOND, code: 'too_old', status: 0, retryable: true };
}

function silence(): Outcome {
	return { kind: 'later', met: 'server', reason: 'The server could not be reached.', status: null, afterMs: null };
}

function refusal(error: ApiError, row: Row): Outcome {
	const { status, code, message: reason } = error;
	const afterMs = error.retryAfter === null ? null : error.retryAfter * 1_000;
	if (status === 401 && code === 'not_authenticated') return { kind: 'sign-in' };
	if (status === 507) return { kind: 'later', met: 'space', reason, status, afterMs };
	if (status >= 500 || PATIENCE.includes(status)) return { kind: 'later', met: 'server', reason, status, afterMs };
	// It ran before, and what it made was deleted since.
	if (row.attempts > 1 && code === 'message_deleted') return { kind: 'done', answer: null };
	return { kind: 'refused', reason, code, status, retryable: !HOPELESS.includes(status) };
}

function parsed(text: string): Json {
	if (text === '') return null;
	try {
		return JSON.parse(text) as Json;
	} catch {
		return null;
	}
}
