/**
 * How many proposals wait, for each block and in all: the server's absolute numbers. Nothing is counted here.
 */
import { SvelteMap } from 'svelte/reactivity';

export class PendingCounts {
	#total = $state(0);
	#byBlock = new SvelteMap<string, number>();

	get total(): number {
		return this.#total;
	}

	of(blockId: string): number {
		return this.#byBlock.get(blockId) ?? 0;
	}

	/** All blocks with their counts, in place of what was known. */
	listed(blocks: readonly { id: string; pending: number }[], total: number): void {
		this.#total = total;
		const listed = new Set(blocks.map(({ id }) => id));
		for (const id of [...this.#byBlock.keys()]) if (!listed.has(id)) this.#byBlock.delete(id);
		for (const { id, pending } of blocks) this.#byBlock.set(id, pending);
	}

	/** An event that is newer than everything before. */
	told(blockId: string, count: number, total: number): void {
		this.#total = total;
		this.#byBlock.set(blockId, count);
	}
}
