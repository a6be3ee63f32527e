/**
 * How many proposals wait, for each block and in all: the server's absolute numbers, each with the `seq` of the event
 * that it is as of. Nothing is counted here, and what is older never takes the place of what is newer.
 */
import { SvelteMap } from 'svelte/reactivity';

interface Count {
	count: number;
	seq: number;
}

export class PendingCounts {
	#total = $state.raw<Count>({ count: 0, seq: 0 });
	#byBlock = new SvelteMap<string, Count>();

	get total(): number {
		return this.#total.count;
	}

	of(blockId: string): number {
		return this.#byBlock.get(blockId)?.count ?? 0;
	}

	/** A snapshot with everything up to `seq`; without a number it takes the place of all. */
	listed(blocks: readonly { id: string; pending: number }[], total: number, seq = Number.MAX_SAFE_INTEGER): void {
		const at = seq === Number.MAX_SAFE_INTEGER ? 0 : seq;
		if (seq >= this.#total.seq) this.#total = { count: total, seq: at };
		const listed = new Set(blocks.map(({ id }) => id));
		for (const [id, held] of this.#byBlock) if (!listed.has(id) && seq >= held.seq) this.#byBlock.delete(id);
		for (const { id, pending } of blocks)
			if (seq >= (this.#byBlock.get(id)?.seq ?? 0)) this.#byBlock.set(id, { count: pending, seq: at });
	}

	/** An event; one that a snapshot holds already changes nothing. */
	told(blockId: string, count: number, total: number, seq = Number.MAX_SAFE_INTEGER): void {
		const at = seq === Number.MAX_SAFE_INTEGER ? 0 : seq;
		if (seq > this.#total.seq) this.#total = { count: total, seq: at };
		if (seq > (this.#byBlock.get(blockId)?.seq ?? 0)) this.#byBlock.set(blockId, { count, seq: at });
	}

	/** A new connection: the numbers of events may start anew, as after a restored backup. */
	cameBack(): void {
		this.#total = { ...this.#total, seq: 0 };
		for (const [id, held] of this.#byBlock) this.#byBlock.set(id, { ...held, seq: 0 });
	}
}
