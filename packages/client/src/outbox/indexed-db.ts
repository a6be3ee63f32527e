/**
 * Commands in the browser's IndexedDB: one database per person and server, shared by all tabs, there after a restart.
 */
import type { Change, OutboxStore } from './store.ts';

const ROWS = 'commands';

export class IndexedDbStore implements OutboxStore {
	readonly isKept = true;
	readonly #name: string;
	readonly #factory: IDBFactory;
	#open: Promise<IDBDatabase> | null = null;

	constructor(name: string, factory: IDBFactory = indexedDB) {
		this.#name = name;
		this.#factory = factory;
	}

	read(): Promise<unknown[]> {
		return this.#in('readonly', (rows, give) => {
			rows.getAll().onsuccess = (event) => give((event.target as IDBRequest<unknown[]>).result);
		});
	}

	change<T>(decide: (stored: unknown[]) => Change<T>): Promise<T> {
		return this.#in('readwrite', (rows, give, fail) => {
			rows.getAll().onsuccess = (event) => {
				try {
					const { put = [], remove = [], answer } = decide((event.target as IDBRequest<unknown[]>).result);
					for (const id of remove) rows.delete(id);
					for (const row of put) rows.put(row);
					give(answer);
				} catch (error) {
					fail(error);
				}
			};
		});
	}

	clear(): Promise<void> {
		return this.#in('readwrite', (rows, give) => {
			rows.clear();
			give(undefined);
		});
	}

	close(): void {
		void this.#open?.then(
			(database) => database.close(),
			() => undefined,
		);
		this.#open = null;
	}

	/** Resolves once the transaction is on disk. */
	async #in<T>(
		mode: IDBTransactionMode,
		work: (rows: IDBObjectStore, give: (answer: T) => void, fail: (error: unknown) => void) => void,
	): Promise<T> {
		const database = await this.#database();
		return new Promise<T>((resolve, reject) => {
			const transaction = database.transaction(ROWS, mode, { durability: 'strict' });
			let answer: T;
			let thrown: unknown = null;
			transaction.oncomplete = () => resolve(answer);
			transaction.onabort = () => reject(thrown ?? transaction.error ?? new Error('the transaction was aborted'));
			const fail = (error: unknown) => {
				thrown = error;
				transaction.abort();
			};
			work(transaction.objectStore(ROWS), (given) => (answer = given), fail);
		});
	}

	#database(): Promise<IDBDatabase> {
		this.#open ??= new Promise<IDBDatabase>((resolve, reject) => {
			const opening = this.#factory.open(this.#name, 1);
			opening.onupgradeneeded = () => opening.result.createObjectStore(ROWS, { keyPath: 'id' });
			opening.onsuccess = () => {
				const database = opening.result;
				const forget = () => (this.#open = null);
				database.onclose = forget;
				database.onversionchange = () => {
					database.close();
					forget();
				};
				resolve(database);
			};
			opening.onerror = () => reject(opening.error);
			opening.onblocked = () => reject(new Error('another tab holds an older version'));
		});
		const opened = this.#open;
		opened.catch(() => {
			if (this.#open === opened) this.#open = null;
		});
		return opened;
	}
}
