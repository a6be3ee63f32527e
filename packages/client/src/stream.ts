/**
 * Server-Sent Events of a model's answer, as an async sequence of pieces.
 *
 * Ends at `[DONE]` or when the stream ends; leaving the loop, or the signal, closes the request.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { Unreachable, apiError } from './errors.ts';

/** One piece of an answer. */
export interface Delta {
	/** Text to append; empty for pieces that carry none. */
	content: string;
	finishReason: string | null;
	/** The chunk as the server sent it. */
	raw: unknown;
}

/** Reads events from any byte stream; `data` is the text of each event. */
export async function* sseData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
	const events = body
		.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>)
		.pipeThrough(new EventSourceParserStream());
	const reader = events.getReader();
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			yield value.data;
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
}

/** Turns one event's data into a piece; null for what carries nothing (`[DONE]`, broken JSON, `{}`). Throws an error chunk. */
export function deltaOf(data: string): Delta | null {
	if (data === '[DONE]') return null;
	let chunk: { error?: unknown; choices?: { delta?: { content?: unknown }; finish_reason?: string | null }[] };
	try {
		chunk = JSON.parse(data);
	} catch {
		return null;
	}
	if (chunk.error !== undefined) throw apiError(502, { detail: errorText(chunk.error), code: 'upstream_error' });
	const choice = chunk.choices?.[0];
	if (!choice) return null;
	const content = choice.delta?.content;
	return {
		content: typeof content === 'string' ? content : '',
		finishReason: choice.finish_reason ?? null,
		raw: chunk,
	};
}

export async function* completionStream(
	call: typeof globalThis.fetch,
	url: string,
	headers: Record<string, string>,
	body: unknown,
	signal?: AbortSignal,
): AsyncGenerator<Delta> {
	let response: Response;
	try {
		response = await call(url, {
			method: 'POST',
			headers: { ...headers, 'content-type': 'application/json' },
			body: JSON.stringify(body),
			credentials: 'same-origin',
			signal,
		});
	} catch (cause) {
		if (signal?.aborted) return;
		throw new Unreachable(cause);
	}
	if (!response.ok || response.body === null) {
		throw apiError(response.status, await response.json().catch(() => null), response.headers.get('retry-after'));
	}
	for await (const data of sseData(response.body)) {
		if (data === '[DONE]') return;
		const delta = deltaOf(data);
		if (delta) yield delta;
	}
}

/** A sentence out of whatever an upstream calls an error. */
export function errorText(error: unknown): string {
	if (typeof error === 'string' && error !== '') return error;
	if (typeof error === 'object' && error !== null) {
		const fields = error as Record<string, unknown>;
		for (const key of ['content', 'message', 'detail', 'error']) {
			if (fields[key] !== undefined && fields[key] !== null) return errorText(fields[key]);
		}
	}
	return 'The model did not answer.';
}
