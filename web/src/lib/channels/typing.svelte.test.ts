import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TYPING_EVERY_MS, TYPING_EXPIRES_MS, Typing, typingLine } from './typing.svelte';

const ada = { id: 'ada', name: 'Ada' };
const ben = { id: 'ben', name: 'Ben' };

describe('Typing', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());
	const names = (typing: Typing) => typing.in('c').map((person) => person.name);

	it('forgets a writer five seconds after the last signal', () => {
		const typing = new Typing('me');
		typing.heard('c', ada);
		vi.advanceTimersByTime(TYPING_EXPIRES_MS - 1);
		typing.heard('c', ben);
		vi.advanceTimersByTime(1);
		expect(names(typing)).toEqual(['Ben']);
		vi.advanceTimersByTime(TYPING_EXPIRES_MS);
		expect(names(typing)).toEqual([]);
	});

	it('forgets everybody when the connection goes', () => {
		const typing = new Typing('me');
		typing.heard('c', ada);
		typing.clear();
		expect(names(typing)).toEqual([]);
		typing.heard('c', ben);
		vi.advanceTimersByTime(TYPING_EXPIRES_MS);
		expect(names(typing)).toEqual([]);
	});

	it('does not show oneself, and nobody twice', () => {
		const typing = new Typing('me');
		typing.heard('c', { id: 'me', name: 'Me' });
		typing.heard('c', ada);
		typing.heard('c', ada);
		expect(names(typing)).toEqual(['Ada']);
	});

	it('stops when the message is there', () => {
		const typing = new Typing('me');
		typing.heard('c', ada);
		typing.posted('c', 'ada');
		expect(names(typing)).toEqual([]);
	});

	it('tells others at most every two seconds, and at once after a post', () => {
		const typing = new Typing('me');
		expect(typing.shouldSend('c')).toBe(true);
		expect(typing.shouldSend('c')).toBe(false);
		expect(typing.shouldSend('d')).toBe(true);
		vi.advanceTimersByTime(TYPING_EVERY_MS);
		expect(typing.shouldSend('c')).toBe(true);
		typing.sent('c');
		expect(typing.shouldSend('c')).toBe(true);
	});
});

describe('typingLine', () => {
	it('names up to two', () => {
		expect(typingLine([])).toBe('');
		expect(typingLine(['Ada'])).toBe('Ada is typing');
		expect(typingLine(['Ada', 'Ben'])).toBe('Ada and Ben are typing');
		expect(typingLine(['Ada', 'Ben', 'Cy'])).toBe('Several people are typing');
	});
});
