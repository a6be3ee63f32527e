import { describe, expect, it } from 'vitest';
import { neighbour, shortcutOf } from './keys';

const press = (key: string, held: string[] = []) => ({
	key,
	ctrlKey: held.includes('ctrl'),
	metaKey: held.includes('meta'),
	altKey: held.includes('alt'),
	shiftKey: held.includes('shift'),
});

describe('shortcutOf', () => {
	it('knows the keys, also while writing', () => {
		expect(shortcutOf(press('k', ['ctrl']), true)).toBe('jump');
		expect(shortcutOf(press('K', ['meta']), true)).toBe('jump');
		expect(shortcutOf(press('ArrowUp', ['alt']), true)).toBe('above');
		expect(shortcutOf(press('ArrowDown', ['alt', 'shift']), false)).toBe('unread-below');
	});

	it('takes a question mark only where it is not written', () => {
		expect(shortcutOf(press('?', ['shift']), true)).toBeNull();
		expect(shortcutOf(press('?', ['shift']), false)).toBe('help');
		expect(shortcutOf(press('k'), false)).toBeNull();
	});
});

describe('neighbour', () => {
	it('goes round the ends', () => {
		expect(neighbour(['a', 'b', 'c'], 'c', 1)).toBe('a');
		expect(neighbour(['a', 'b', 'c'], 'a', -1)).toBe('c');
		expect(neighbour(['a', 'b'], null, -1)).toBe('b');
		expect(neighbour([], 'a', 1)).toBeUndefined();
	});
});
