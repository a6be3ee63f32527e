/**
 * Where commands are kept. One operation that reads, decides and writes at once is all that several tabs need.
 */
import type { Row } from './row.ts';

/** What is to be written, decided over what is there. */
export interface Change<T> {
	put?: readonly Row[];
	/** Ids. */
	remove?: readonly string[];
	answer: T;
}

export interface OutboxStore {
	/** Whether what is in it outlives this page. */
	readonly isKept: boolean;
	/** Everything that is there, damaged rows too. */
	read(): Promise<unknown[]>;
	/** Reads, decides and writes, with nobody between. What `decide` throws is thrown, and nothing is written. */
	change<T>(decide: (stored: unknown[]) => Change<T>): Promise<T>;
	/** Forgets everything. */
	clear(): Promise<void>;
	close(): void;
}

/** Keeps as long as the process lives: for Node, and for browsers that keep nothing. */
export class MemoryStore implements OutboxStore {
	readonly isKept: boolean = false;
	#rows = new Map<string, unknown>();

	async read(): Promise<unknown[]> {
		return structuredClone([...this.#rows.values()]);
	}

	async change<T>(decide: (stored: unknown[]) => Change<T>): Promise<T> {
		const { put = [], remove = [], answer } = decide(structuredClone([...this.#rows.values()]));
		for (const id of remove) this.#rows.delete(id);
		for (const row of put) this.#rows.set(row.id, structuredClone(row));
		return answer;
	}

	async clear(): Promise<void> {
		this.#rows.clear();
	}

	close(): void {}
}
