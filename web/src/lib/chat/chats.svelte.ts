/**
 * The list of this person's chats, newest first, kept in step by events from every tab.
 */
import { earliest, type Api, type ChatId, type ChatRow, type NumberedEvent, type UserId } from '@tidings/client';
import { createContext } from 'svelte';
import { Followed, type Live } from '../live/followed.svelte';

/** Rows of one page of the list. */
export const CHATS_PAGE = 60;

export type ChatListApi = Pick<Api['chats'], 'list' | 'update' | 'remove'> & Pick<Api['snapshots'], 'chats'>;

export class Chats {
	readonly #api: ChatListApi;
	readonly #now: () => number;
	readonly #list: Followed<{ rows: ChatRow[]; more: boolean }>;
	#rows = $state.raw<ChatRow[]>([]);
	#more = $state(false);
	#pages = 1;

	constructor(api: ChatListApi, meId: UserId, live: Live, now: () => number = Date.now) {
		this.#api = api;
		this.#now = now;
		this.#list = new Followed(live, {
			rooms: [`user:${meId}`],
			load: () => this.#load(),
			replace: ({ rows, more }) => {
				this.#rows = sorted(rows);
				this.#more = more;
			},
			apply: (event) => this.#apply(event),
		});
	}

	get rows(): readonly ChatRow[] {
		return this.#rows;
	}
	get state() {
		return this.#list.stage;
	}
	/** Whether older chats can be fetched. */
	get more() {
		return this.#more;
	}

	get(id: ChatId): ChatRow | undefined {
		return this.#rows.find((row) => row.id === id);
	}

	open(): void {
		this.#list.open();
	}

	retry(): void {
		this.#list.retry();
	}

	/** As many pages as are held, at first one. */
	async #load() {
		const rows = new Map<ChatId, ChatRow>();
		const heads = [];
		for (let page = 1; ; page += 1) {
			const { body, heads: at } = await this.#api.chats(page);
			for (const row of body) rows.set(row.id, row);
			heads.push(at);
			const more = body.length >= CHATS_PAGE;
			if (!more || page >= this.#pages) {
				return { body: { rows: [...rows.values()], more }, heads: earliest(...heads) };
			}
		}
	}

	async loadMore(): Promise<void> {
		const page = await this.#api.list(this.#pages + 1);
		this.#pages += 1;
		this.#more = page.length >= CHATS_PAGE;
		const known = new Set(page.map((row) => row.id));
		this.#rows = sorted([...this.#rows.filter((row) => !known.has(row.id)), ...page]);
	}

	#apply(event: NumberedEvent): void {
		if (event.name !== 'events') return;
		const { data, chat_id } = event.payload;
		if (data.type === 'chat:list') this.listed(data.data);
		else if (data.type === 'chat:title' && chat_id !== null) this.titled(chat_id, data.data);
	}

	/** Of those that were touched in the same second, this one was the last. */
	put(row: ChatRow): void {
		this.#rows = sorted([row, ...this.#rows.filter((held) => held.id !== row.id)]);
	}

	/** `chat:list`: a chat was made, renamed, touched or deleted in some tab. */
	listed(change: { chat_id?: ChatId; title?: string; updated_at?: number; deleted?: boolean } | undefined): void {
		if (!change?.chat_id) {
			void this.#list.reload();
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
		} else void this.#list.reload();
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
	return rows.sort((a, b) => b.updated_at - a.updated_at);
}

export const [getChats, setChats] = createContext<Chats>();
