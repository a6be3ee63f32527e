/**
 * The chats that were opened in this tab, so that an answer goes on while another page is open.
 */
import type { ChatEvent, ChatId, MessageId } from '@tidings/client';
import { createContext } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { Conversation, type ChatSource } from './conversation.svelte';

export class Conversations {
	readonly #source: ChatSource;
	#held = new SvelteMap<ChatId, Conversation>();
	#open: ChatId | null = null;

	constructor(source: ChatSource) {
		this.#source = source;
	}

	held(id: ChatId): Conversation | undefined {
		return this.#held.get(id);
	}

	/** A chat that has no id until its first question is asked. */
	fresh(): Conversation {
		return new Conversation(this.#source);
	}

	/** A fresh chat was stored: events of its id now reach it. */
	adopt(id: ChatId, conversation: Conversation): void {
		this.#held.set(id, conversation);
		conversation.open();
	}

	/** The chat page is open; null for any other page. One that nobody looks at or waits for is let go of. */
	opened(id: ChatId | null): void {
		const before = this.#open;
		this.#open = id;
		if (before === null || before === id) return;
		const left = this.#held.get(before);
		if (left && !left.isAnswering) left.close();
	}

	/** Makes and fetches a chat that is not held, or may be out of date. Not for use inside a derived value. */
	open(id: ChatId): Conversation {
		let conversation = this.#held.get(id);
		if (!conversation) {
			conversation = new Conversation(this.#source, id);
			this.#held.set(id, conversation);
		}
		conversation.open();
		return conversation;
	}

	/** Pieces of answers are not kept for those who were away: what was being written is fetched. */
	cameBack(): void {
		for (const conversation of this.#held.values()) if (conversation.isAnswering) conversation.reload();
	}

	hear(event: ChatEvent): void {
		if (event.chat_id !== null) this.#held.get(event.chat_id)?.hear(event);
	}

	forget(id: ChatId): void {
		this.#held.get(id)?.close();
		this.#held.delete(id);
	}

	/** Whether this tab waits for the answer and shows another page. */
	isAwaitedElsewhere(id: ChatId, message: MessageId): boolean {
		return this.#open !== id && (this.#held.get(id)?.hasAsked(message) ?? false);
	}
}

export const [getConversations, setConversations] = createContext<Conversations>();
