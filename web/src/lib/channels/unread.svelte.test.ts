import { describe, expect, it } from 'vitest';
import { Unread } from './unread.svelte';

const marker = (read_no: number, version: number) => ({ channel_id: 'c', read_no, mentions: 0, version });

describe('Unread', () => {
	it('is the difference of two numbers of the server and never below zero', () => {
		const unread = new Unread();
		unread.listed([{ id: 'c', last_no: 12, read_no: 7, read_version: 1 }]);
		expect(unread.of('c')).toBe(5);
		unread.marked(marker(15, 2));
		expect(unread.of('c')).toBe(0);
	});

	it('does not count an event that comes twice or late', () => {
		const unread = new Unread();
		for (const no of [1, 3, 2, 3]) unread.arrived('c', no);
		expect(unread.of('c')).toBe(3);
	});

	it('follows the newest version of the marker, also backwards', () => {
		const unread = new Unread();
		unread.arrived('c', 9);
		unread.marked(marker(9, 4));
		unread.marked(marker(3, 3));
		expect(unread.of('c')).toBe(0);
		unread.marked(marker(6, 5));
		expect(unread.of('c')).toBe(3);
	});

	it('does not let an older list undo a marker that came while it was fetched', () => {
		const unread = new Unread();
		unread.asking();
		unread.marked(marker(5, 8));
		unread.listed([{ id: 'c', last_no: 5, read_no: 2, read_version: 7 }]);
		expect(unread.of('c')).toBe(0);
	});

	it('takes lower numbers from a list, as after a restored backup', () => {
		const unread = new Unread();
		unread.arrived('c', 90);
		unread.marked(marker(90, 8));
		unread.asking();
		unread.listed([{ id: 'c', last_no: 12, read_no: 7, read_version: 3 }]);
		expect(unread.of('c')).toBe(5);
	});

	it('counts as read what was read here and waits to be told', () => {
		const unread = new Unread();
		unread.listed([{ id: 'c', last_no: 12, read_no: 7, read_version: 1 }]);
		unread.waits(new Map([['c', 12]]));
		expect(unread.of('c')).toBe(0);
		unread.arrived('c', 13);
		unread.waits(new Map());
		expect(unread.of('c')).toBe(6);
	});
});
