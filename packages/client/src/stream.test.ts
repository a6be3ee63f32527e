import { describe, expect, it } from 'vitest';
import { deltaOf, errorText, sseData } from './stream.ts';

const encode = (text: string) => new TextEncoder().encode(text);

async function read(text: string, size: number): Promise<string[]> {
	const bytes = encode(text);
	const body = new ReadableStream<Uint8Array>({
		start(controller) {
			for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
			controller.close();
		},
	});
	const seen: string[] = [];
	for await (const data of sseData(body)) seen.push(data);
	return seen;
}

describe('sseData', () => {
	const text = ': ping\n\ndata: {"a":"ä…"}\n\ndata: one\ndata: two\r\n\r\ndata: [DONE]\n\n';

	it.each([1, 2, 3, 7, 1000])('reads the same events in pieces of %i bytes', async (size) => {
		expect(await read(text, size)).toEqual(['{"a":"ä…"}', 'one\ntwo', '[DONE]']);
	});
});

describe('deltaOf', () => {
	it('takes the text of the first choice', () => {
		const delta = deltaOf('{"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}');
		expect(delta?.content).toBe('Hi');
	});

	it('finds nothing in the end mark, in an empty object or in broken JSON', () => {
		expect(deltaOf('[DONE]')).toBeNull();
		expect(deltaOf('{}')).toBeNull();
		expect(deltaOf('{"choices":[')).toBeNull();
	});

	it('throws what the upstream calls an error', () => {
		expect(() => deltaOf('{"error":{"message":"too many requests"}}')).toThrow('Too many requests.');
	});
});

describe('errorText', () => {
	it('finds the sentence however deep it is', () => {
		expect(errorText({ content: { message: 'gone' } })).toBe('gone');
		expect(errorText('plain')).toBe('plain');
		expect(errorText(null)).toBe('The model did not answer.');
	});
});
