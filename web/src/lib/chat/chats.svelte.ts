/**
 * The list of this person's chats, newest first, kept in step by events from every tab.
 */
import type { Api, ChatId, ChatRow } from '@tidings/client';
import { createContext } from 'svelte';

/** Rows of one page of the list. */
export const CHATS_PAGE = 60;

type ChatsApi = Pick<Api['chats'], 'list' | 'update' | 'remove'>;

export class Chats {
	readonly #api: ChatsApi;
	readonly #now: () => number;
	#rows = $state.raw<ChatRow[]>([]);
	#state = $state<'loading' | 'ready' | 'failed'>('loading');
	#more = $state(false);
	#page = 1;

	constructor(api: ChatsApi, now: () => number = Date.now) {
		this.#api = api;
		this.#now = now;
	}

	get rows(): readonly ChatRow[] {
		return this.#rows;
	}
	get state() {
		return this.#state;
	}
	/** Whether older chats can be fetched. */
	get more() {
		return this.#more;
	}

	get(id: ChatId): ChatRow | undefined {
		return this.#rows.find((row) => row.id === id);
	}

	async load(): Promise<void> {
		try {
			const page = await this.#api.list(1);
			this.#rows = sorted(page);
			this.#page = 1;
			this.#more = page.length >= CHATS_PAGE;
			this.#state = 'ready';
		} catch {
			if (this.#state !== 'ready') this.#state = 'failed';
		}
	}

	async loadMore(): Promise<void> {
		const page = await this.#api.list(this.#page + 1);
		this.#page += 1;
		this.#more = page.length >= CHATS_PAGE;
		const known = new Set(page.map((row) => row.id));
		this.#rows = sorted([...this.#rows.filter((row) => !known.has(row.id)), ...page]);
	}

	put(row: ChatRow): void {
		this.#rows = sorted([...this.#rows.filter((held) => held.id !== row.id), row]);
	}

	/** `chat:list`: a chat was made, renamed, touched or deleted in some tab. */
	listed(change: { chat_id?: ChatId; title?: string; updated_at?: number; deleted?: boolean } | undefined): void {
		if (!change?.chat_id) {
			void this.load();
			return;
		}
		if (change.deleted) {
			this.forget(change.chat_id);
			return;
		}
		const seconds = change.updated_at ?? Math.floor(this.#now() / 1000);
		const held = this.get(change.chat_id);
		if (held) this.put({ ...held, title: change.title ?? held.title, updated_at: seconds });
		else if (change.title !== undefined) {
			this.put({ id: change.chat_id, title: change.title, updated_at: seconds, created_at: seconds });
		} else void this.load();
	}

	titled(id: ChatId, title: string): void {
		const held = this.get(id);
		if (held) this.put({ ...held, title });
	}

	forget(id: ChatId): void {
		this.#rows = this.#rows.filter((row) => row.id !== id);
	}

	/** Throws what the server says. */
	async rename(id: ChatId, title: string): Promise<void> {
		await this.#api.update(id, { title });
		this.titled(id, title);
	}

	/** Throws what the server says. */
	async remove(id: ChatId): Promise<void> {
		await this.#api.remove(id);
		this.forget(id);
	}
}

function sorted(rows: ChatRow[]): ChatRow[] {
	return rows.sort((a, b) => b.updated_at - a.updated_at || b.created_at - a.created_at);
}

export const [getChats, setChats] = createContext<Chats>();
