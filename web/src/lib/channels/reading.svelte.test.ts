import { describe, expect, it } from 'vitest';
import { Reading } from './reading.svelte';
import { Unread } from './unread.svelte';

function reading(last: number, read: number) {
	const unread = new Unread();
	const marked = (read_no: number, version: number) =>
		unread.marked({ channel_id: 'c', read_no, mentions: 0, version });
	unread.arrived('c', last);
	marked(read, 1);
	return { reading: new Reading(unread, 'c'), unread, marked };
}

describe('Reading', () => {
	it('begins at the first unread message', () => {
		const { reading: one } = reading(9, 6);
		expect([one.begin(), one.ruleAfter]).toEqual([true, 6]);
		const { reading: other } = reading(9, 9);
		expect([other.begin(), other.ruleAfter]).toEqual([false, null]);
	});

	it('rules off what came while nobody read, and nothing that was read as it came', () => {
		const { reading: one, marked } = reading(9, 9);
		one.begin();
		one.arrived(10, true);
		marked(10, 2);
		expect(one.ruleAfter).toBeNull();
		one.arrived(12, false);
		expect(one.ruleAfter).toBe(10);
	});

	it('keeps the rule while its part is not read, and moves it once it was', () => {
		const { reading: one, marked } = reading(9, 6);
		one.begin();
		one.arrived(10, false);
		expect(one.ruleAfter).toBe(6);
		marked(10, 2);
		one.arrived(14, false);
		expect(one.ruleAfter).toBe(10);
	});

	it('holds what was marked unread until one writes', () => {
		const { reading: one } = reading(9, 9);
		one.begin();
		one.markUnread(7);
		expect([one.ruleAfter, one.isHeldUnread]).toEqual([6, true]);
		one.wrote();
		expect([one.ruleAfter, one.isHeldUnread]).toEqual([6, false]);
	});
});
