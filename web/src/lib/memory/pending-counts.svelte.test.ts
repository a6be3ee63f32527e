import { describe, expect, it } from 'vitest';
import { PendingCounts } from './pending-counts.svelte';

describe('PendingCounts', () => {
	it('says what the newest event says', () => {
		const counts = new PendingCounts();
		counts.told('goals', 2, 3, 8);
		expect([counts.of('goals'), counts.total]).toEqual([2, 3]);
		counts.told('goals', 0, 1, 9);
		expect([counts.of('goals'), counts.total]).toEqual([0, 1]);
	});

	it('drops events that the snapshot holds', () => {
		const counts = new PendingCounts();
		counts.listed([{ id: 'goals', pending: 1 }], 1, 10);
		counts.told('goals', 5, 5, 10);
		expect(counts.total).toBe(1);
		counts.told('goals', 2, 2, 11);
		expect(counts.total).toBe(2);
	});

	it('does not let an older snapshot undo a newer event', () => {
		const counts = new PendingCounts();
		counts.told('goals', 1, 3, 12);
		counts.listed(
			[
				{ id: 'goals', pending: 0 },
				{ id: 'values', pending: 2 },
			],
			2,
			11,
		);
		expect([counts.of('goals'), counts.of('values'), counts.total]).toEqual([1, 2, 3]);
		counts.listed([{ id: 'values', pending: 1 }], 1, 13);
		expect([counts.of('goals'), counts.of('values'), counts.total]).toEqual([0, 1, 1]);
	});

	it('takes lower numbers after coming back', () => {
		const counts = new PendingCounts();
		counts.told('goals', 4, 4, 90);
		counts.cameBack();
		counts.listed([{ id: 'goals', pending: 1 }], 1, 3);
		expect(counts.total).toBe(1);
	});
});
