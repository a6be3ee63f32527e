import { describe, expect, it } from 'vitest';
import { Kept } from './kept';

class FakeStorage implements Storage {
	#items = new Map<string, string>();
	full = false;
	get length() {
		return this.#items.size;
	}
	getItem = (key: string) => this.#items.get(key) ?? null;
	setItem = (key: string, value: string) => {
		if (this.full) throw new Error('QuotaExceededError');
		this.#items.set(key, value);
	};
	removeItem = (key: string) => void this.#items.delete(key);
	key = (at: number) => [...this.#items.keys()][at] ?? null;
	clear = () => this.#items.clear();
}

describe('Kept', () => {
	it('is there after a reload, for the same person only', () => {
		const storage = new FakeStorage();
		new Kept('drafts', 'ada', storage).set('c', 'half a sentence');
		expect(new Kept('drafts', 'ada', storage).get('c')).toBe('half a sentence');
		expect(new Kept('drafts', 'bob', storage).get('c')).toBeUndefined();
	});

	it('leaves nothing behind when it is cleared or the last thing is forgotten', () => {
		const storage = new FakeStorage();
		const kept = new Kept('drafts', 'ada', storage);
		kept.set('c', 'text');
		kept.set('c', null);
		expect(storage.length).toBe(0);
		kept.set('d', 'text');
		kept.clear();
		expect([storage.length, kept.get('d')]).toEqual([0, undefined]);
	});

	it('survives a storage that is full, broken or absent', () => {
		const storage = new FakeStorage();
		storage.setItem('tidings.drafts.ada', 'not json');
		storage.full = true;
		for (const one of [storage, null]) {
			const kept = new Kept('drafts', 'ada', one);
			kept.set('c', 'text');
			expect(kept.get('c')).toBe('text');
		}
	});
});
