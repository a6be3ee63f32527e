import { describe, expect, it } from 'vitest';
import { PendingCounts } from './pending-counts.svelte';

describe('PendingCounts', () => {
	it('says what the newest event says', () => {
		const counts = new PendingCounts();
		counts.told('goals', 2, 3);
		expect([counts.of('goals'), counts.total]).toEqual([2, 3]);
		counts.told('goals', 0, 1);
		expect([counts.of('goals'), counts.total]).toEqual([0, 1]);
	});

	it('takes the place of everything with a list, also downwards', () => {
		const counts = new PendingCounts();
		counts.told('goals', 4, 4);
		counts.listed([{ id: 'values', pending: 1 }], 1);
		expect([counts.of('goals'), counts.of('values'), counts.total]).toEqual([0, 1, 1]);
	});
});
