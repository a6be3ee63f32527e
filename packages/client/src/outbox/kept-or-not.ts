/**
 * A store that keeps, or where the browser refuses to (private windows, a full profile), one that does not.
 */
import { MemoryStore, type Change, type OutboxStore } from './store.ts';

export class KeptOrNot implements OutboxStore {
	#store: OutboxStore;
	#isTried = false;

	constructor(store: OutboxStore) {
		this.#store = store;
	}

	get isKept(): boolean {
		return this.#store.isKept;
	}

	async read(): Promise<unknown[]> {
		return (await this.#tried()).read();
	}

	async change<T>(decide: (stored: unknown[]) => Change<T>): Promise<T> {
		return (await this.#tried()).change(decide);
	}

	async clear(): Promise<void> {
		return (await this.#tried()).clear();
	}

	close(): void {
		this.#store.close();
	}

	/** What refuses the very first reading is not asked again. */
	async #tried(): Promise<OutboxStore> {
		if (this.#isTried) return this.#store;
		try {
			await this.#store.read();
		} catch {
			if (!this.#isTried) this.#store = new MemoryStore();
		}
		this.#isTried = true;
		return this.#store;
	}
}
