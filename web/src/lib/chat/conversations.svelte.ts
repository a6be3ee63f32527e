/**
 * The chats that were opened in this tab, so that an answer goes on while another page is open.
 */
import type { ChatId, MessageId } from '@tidings/client';
import { createContext } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { Conversation, type ChatsApi } from './conversation.svelte';

export class Conversations {
	readonly #api: ChatsApi;
	#held = new SvelteMap<ChatId, Conversation>();
	#open: ChatId | null = null;
	#stale = new Set<ChatId>();

	constructor(api: ChatsApi) {
		this.#api = api;
	}

	held(id: ChatId): Conversation | undefined {
		return this.#held.get(id);
	}

	/** A chat that has no id until its first question is asked. */
	fresh(): Conversation {
		return new Conversation(this.#api);
	}

	/** A fresh chat was stored: events of its id now reach it. */
	adopt(id: ChatId, conversation: Conversation): void {
		this.#held.set(id, conversation);
	}

	/** The chat page is open; null for any other page. */
	opened(id: ChatId | null): void {
		this.#open = id;
	}

	/** Makes and fetches a chat that is not held, or may be out of date. Not for use inside a derived value. */
	open(id: ChatId): Conversation {
		let conversation = this.#held.get(id);
		if (!conversation) {
			conversation = new Conversation(this.#api, id);
			this.#held.set(id, conversation);
			void conversation.load();
		} else if (this.#stale.delete(id) || conversation.state === 'failed') void conversation.load();
		return conversation;
	}

	/** After a time away: the open chat is fetched again now, the others when they are opened. */
	cameBack(): void {
		for (const id of this.#held.keys()) this.#stale.add(id);
		if (this.#open !== null && this.#held.has(this.#open)) this.open(this.#open);
	}

	forget(id: ChatId): void {
		this.#held.delete(id);
		this.#stale.delete(id);
	}

	/** Whether this tab waits for the answer and shows another page. */
	isAwaitedElsewhere(id: ChatId, message: MessageId): boolean {
		return this.#open !== id && (this.#held.get(id)?.hasAsked(message) ?? false);
	}
}

export const [getConversations, setConversations] = createContext<Conversations>();
