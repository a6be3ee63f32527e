/**
 * The rows as this tab knows them, over the store that all tabs share: every change goes through here, takes over what
 * is in the store then, and is told to the other tabs.
 */
import { OutboxFull, OutboxUnavailable, parseRow, type Row } from './row.ts';
import type { Change, OutboxStore } from './store.ts';
import type { Tabs } from './tabs.ts';

export class Shelf {
	/** As of the last look or change. */
	rows: readonly Row[] = [];
	/** Rows that could not be read and were thrown away. */
	damaged = 0;
	readonly #store: OutboxStore;
	readonly #tabs: Tabs;

	constructor(store: OutboxStore, tabs: Tabs) {
		this.#store = store;
		this.#tabs = tabs;
	}

	get isKept(): boolean {
		return this.#store.isKept;
	}

	/**
	 * Throws `OutboxFull` if `decide` does, and `OutboxUnavailable` if the store refuses; then nothing has changed.
	 * `taken` runs as the rows are taken over: what it tells, nobody misses.
	 */
	async change<T>(decide: (rows: Row[]) => Change<T>, taken?: (answer: T) => void): Promise<T> {
		let rows: Row[] = [];
		let isChanged = false;
		let answer: T;
		try {
			answer = await this.#store.change((stored) => {
				const readable = stored.map(parseRow).filter((row) => row !== null);
				const change = decide(readable);
				this.damaged += stored.length - readable.length;
				const remove = [...(change.remove ?? []), ...idsOfDamaged(stored)];
				const put = new Map((change.put ?? []).map((row) => [row.id, row]));
				isChanged = put.size + remove.length > 0;
				rows = readable.filter((row) => !remove.includes(row.id) && !put.has(row.id));
				rows.push(...put.values());
				return { ...change, remove };
			});
		} catch (error) {
			if (error instanceof OutboxFull) throw error;
			throw new OutboxUnavailable(error);
		}
		this.rows = rows;
		taken?.(answer);
		if (isChanged) this.#tabs.post({ type: 'changed' });
		return answer;
	}

	/** Another tab changed something. If the store refuses, what is known stays. */
	async look(): Promise<void> {
		try {
			const stored = await this.#store.read();
			this.rows = stored.map(parseRow).filter((row) => row !== null);
		} catch {
			return; // Whoever writes is told.
		}
	}

	/** It is known to be gone, before the store is looked at again. */
	drop(id: string): void {
		this.rows = this.rows.filter((row) => row.id !== id);
	}

	forget(): void {
		this.rows = [];
	}

	/** Forgets everything, here, on disk and in all tabs. */
	async clear(): Promise<void> {
		this.forget();
		await this.#store.clear();
		this.#tabs.post({ type: 'cleared' });
	}

	close(): void {
		this.#tabs.close();
		this.#store.close();
	}
}

function idsOfDamaged(stored: unknown[]): string[] {
	return stored
		.filter((row) => parseRow(row) === null)
		.map((row) => (row as { id?: unknown } | null)?.id)
		.filter((id) => typeof id === 'string');
}
