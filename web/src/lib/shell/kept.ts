/**
 * What a tab keeps over a reload, for one person: drafts and where one was reading. In the tab's own storage, so that two
 * tabs do not disturb each other; wiped at sign-out.
 */

/** What is kept in one item at most, in characters: more is not kept rather than refused by the browser. */
const MAX_CHARS = 500_000;

export class Kept {
	readonly #key: string;
	readonly #storage: Storage | null;
	#values: Map<string, string>;

	constructor(what: string, personId: string, storage: Storage | null = tabStorage()) {
		this.#key = `tidings.${what}.${personId}`;
		this.#storage = storage;
		this.#values = this.#read();
	}

	get(name: string): string | undefined {
		return this.#values.get(name);
	}

	/** Null forgets it. */
	set(name: string, value: string | null): void {
		if ((value ?? undefined) === this.#values.get(name)) return;
		this.#values.delete(name);
		if (value !== null) this.#values.set(name, value);
		this.#write();
	}

	clear(): void {
		this.#values.clear();
		this.#write();
	}

	#read(): Map<string, string> {
		try {
			return new Map(
				Object.entries(JSON.parse(this.#storage?.getItem(this.#key) ?? '{}') as Record<string, string>),
			);
		} catch {
			return new Map();
		}
	}

	#write(): void {
		try {
			const text = JSON.stringify(Object.fromEntries(this.#values));
			if (this.#values.size === 0) this.#storage?.removeItem(this.#key);
			else if (text.length <= MAX_CHARS) this.#storage?.setItem(this.#key, text);
		} catch {
			// A full or forbidden storage: it is kept in memory only.
		}
	}
}

function tabStorage(): Storage | null {
	try {
		return globalThis.sessionStorage ?? null;
	} catch {
		return null;
	}
}
