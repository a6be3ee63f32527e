import type { ChatMessage } from '@tidings/client';
import { describe, expect, it } from 'vitest';
import { completed, failure, fromHistory, spliced, taken, thread, withMessages } from './history';

function message(id: string, parentId: string | null, change: Partial<ChatMessage> = {}): ChatMessage {
	return { id, parentId, childrenIds: [], role: 'user', content: '', timestamp: 0, ...change };
}

describe('thread', () => {
	it('follows the parents of the current message and ties new ones to them', () => {
		const messages = withMessages(new Map(), [message('a', null), message('b', 'a'), message('c', 'a')]);
		expect(thread(messages, 'c').map((one) => one.id)).toEqual(['a', 'c']);
		expect(messages.get('a')?.childrenIds).toEqual(['b', 'c']);
	});

	it('ends at a loop and at a missing parent', () => {
		const loop = new Map([message('a', 'b'), message('b', 'a')].map((one) => [one.id, one]));
		expect(thread(loop, 'a')).toHaveLength(2);
		expect(thread(new Map([['a', message('a', 'gone')]]), 'a')).toHaveLength(1);
	});

	it('fills in what old clients leave out', () => {
		const { messages } = fromHistory({ currentId: 'a', messages: { a: { role: 'user' } as ChatMessage } });
		expect(messages.get('a')).toMatchObject({ id: 'a', parentId: null, childrenIds: [], content: '' });
	});
});

describe('completed', () => {
	const chunk = (content: string) => ({ choices: [{ delta: { content } }] });

	it('appends pieces, and takes a whole text as the truth', () => {
		let { message: one } = completed(message('a', null), chunk('Hel'), undefined);
		one = completed(one, chunk('lo'), undefined).message;
		expect(one.content).toBe('Hello');
		expect(completed(one, { content: 'Hello, world', done: true }, undefined).message).toMatchObject({
			content: 'Hello, world',
			done: true,
		});
	});

	it('ignores chunks without text and keeps an error as a sentence', () => {
		const held = message('a', null, { content: 'Hi' });
		expect(completed(held, { choices: [{ delta: {} }] }, undefined).message.content).toBe('Hi');
		expect(failure(completed(held, { error: { message: 'quota' } }, undefined).message)).toBe('quota');
	});

	it('reports a hole and leaves the text alone', () => {
		const held = message('a', null, { content: 'Hi' });
		expect(completed(held, chunk('!'), 9)).toMatchObject({ gap: true, message: { content: 'Hi' } });
	});
});

describe('spliced', () => {
	it('addresses bytes, so that a piece that is known already is not doubled', () => {
		expect(spliced('größe', 'r', 7)).toBe('größer');
		expect(spliced('größe', 'ße', 4)).toBe('größe');
		expect(spliced('gr', 'x', 3)).toBeNull();
	});
});

describe('taken', () => {
	it('keeps the longer text of an answer that is being written, and theirs once it is done', () => {
		const held = message('a', null, { content: 'Hello, wor' });
		expect(taken(held, 'a', message('a', null, { content: 'Hello' })).content).toBe('Hello, wor');
		expect(taken(held, 'a', message('a', null, { content: 'Hello', done: true })).content).toBe('Hello');
	});
});
