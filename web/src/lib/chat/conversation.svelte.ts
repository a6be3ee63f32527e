/**
 * One open chat: its messages, the question being asked, and the answer that grows.
 *
 * The text comes from the socket in every tab; a tab that missed a piece fetches the chat again.
 */
import {
	ApiError,
	type Api,
	type Chat,
	type ChatBody,
	type ChatEvent,
	type ChatId,
	type ChatMessage,
	type MessageId,
	type Model,
	type Snapshot,
	type UserId,
	uuid,
} from '@tidings/client';
import { Followed, type Live } from '../live/followed.svelte';
import { completed, failure, fromHistory, taken, thread, toHistory, withMessages } from './history';

export type ChatsApi = Pick<Api['chats'], 'create' | 'update' | 'complete' | 'runningTasks'> &
	Pick<Api['snapshots'], 'chat'>;

/** What a conversation is made with. */
export interface ChatSource {
	api: ChatsApi;
	live: Live;
	meId: UserId;
}

interface Fetched {
	chat: Chat;
	isRunning: boolean;
}

export const NEW_TITLE = 'New chat';

export class Conversation {
	readonly #api: ChatsApi;
	readonly #source: ChatSource;
	readonly #now: () => number;
	#followed = $state.raw<Followed<Fetched> | null>(null);
	#id = $state<ChatId | null>(null);
	#title = $state(NEW_TITLE);
	#model = $state<string | null>(null);
	#messages: ReadonlyMap<MessageId, ChatMessage> = new Map();
	#currentId: MessageId | null = null;
	/** Kept, not derived: a chat outlives the page that opened it, and what a page derives ends with the page. */
	#line = $state.raw<ChatMessage[]>([]);
	#running = $state.raw<ReadonlySet<MessageId>>(new Set());
	/** There is something to show that was made here. */
	#isOurs = $state(false);
	#isDeleted = $state(false);
	#asked = new Set<MessageId>();
	/** Answers that were asked for, and the server has not said yes. */
	#starting = new Set<MessageId>();
	/** Pieces that came while the chat is fetched: they go on where the fetched text ends. */
	#heard: ChatEvent[] | null = null;

	constructor(source: ChatSource, id: ChatId | null = null, now: () => number = Date.now) {
		this.#source = source;
		this.#api = source.api;
		this.#now = now;
		if (id === null) this.#isOurs = true;
		else this.#follow(id);
	}

	#follow(id: ChatId): void {
		this.#id = id;
		this.#followed = new Followed<Fetched>(this.#source.live, {
			rooms: [`user:${this.#source.meId}`],
			load: () => this.#load(id),
			replace: (fetched) => this.#take(fetched),
			apply: (event) => {
				if (event.name === 'events' && event.payload.chat_id === id) this.#apply(event.payload);
			},
		});
	}

	/** The line of messages on screen. */
	get line(): readonly ChatMessage[] {
		return this.#line;
	}
	get id() {
		return this.#id;
	}
	get title() {
		return this.#title;
	}
	get state(): 'loading' | 'ready' | 'failed' | 'missing' {
		const followed = this.#followed;
		const error = followed?.error;
		if (this.#isDeleted) return 'missing';
		if (error instanceof ApiError && [401, 403, 404].includes(error.status)) return 'missing';
		return this.#isOurs || !followed ? 'ready' : followed.stage;
	}
	/** The model that answered last; null before the first answer. */
	get model() {
		return this.#model;
	}
	/** Whether an answer is being written. */
	get isAnswering(): boolean {
		return this.line.some((message) => this.isRunning(message));
	}

	/** Whether this tab asked for the answer. */
	hasAsked(answerId: MessageId): boolean {
		return this.#asked.has(answerId);
	}

	isRunning(message: ChatMessage): boolean {
		return this.#running.has(message.id);
	}

	/** An answer that ended without its end: the server went away while it was written. */
	isInterrupted(message: ChatMessage): boolean {
		return (
			message.role === 'assistant' &&
			message.done !== true &&
			!this.#running.has(message.id) &&
			failure(message) === null
		);
	}

	/** On screen, or awaited: changes reach it. */
	open(): void {
		this.#followed?.open();
	}

	/** Fetched again when it is opened the next time. */
	close(): void {
		this.#followed?.close();
		this.#heard = null;
	}

	reload(): void {
		void this.#followed?.reload();
	}

	fetchAgain(): void {
		this.#followed?.retry();
	}

	async #load(id: ChatId): Promise<Snapshot<Fetched>> {
		this.#heard ??= [];
		try {
			const { body: chat, heads } = await this.#api.chat(id);
			const tasks = await this.#api.runningTasks(id).catch(() => []);
			return { body: { chat, isRunning: tasks.length > 0 }, heads };
		} catch (error) {
			this.#replay();
			throw error;
		}
	}

	#replay(): void {
		const heard = this.#heard ?? [];
		this.#heard = null;
		for (const event of heard) this.#apply(event);
	}

	#take({ chat, isRunning }: Fetched): void {
		const { messages, currentId } = fromHistory(chat.chat.history);
		const held = this.#messages;
		for (const [id, message] of messages) messages.set(id, taken(held.get(id), id, message));
		// What was asked a moment ago may be newer than the answer to the question what there is.
		for (const id of this.#starting) if (!messages.has(id)) return this.#replay();
		this.#hold(messages, currentId);
		this.#title = chat.title;
		this.#model = chat.chat.models?.[0] ?? this.#model;
		const last = currentId === null ? undefined : messages.get(currentId);
		const running = isRunning && last && last.role === 'assistant' && !last.done ? [last.id] : [];
		this.#running = new Set([...this.#starting, ...running]);
		this.#replay();
	}

	/**
	 * Asks `model` and returns once the question is stored and the answer has begun. A new chat gets its id through
	 * `onCreated` before the model is asked.
	 */
	async ask(text: string, model: Model, sid: string | undefined, onCreated: (chat: Chat) => void): Promise<void> {
		const seconds = Math.floor(this.#now() / 1000);
		const parentId = this.#currentId;
		const question: ChatMessage = {
			id: uuid(),
			parentId,
			childrenIds: [],
			role: 'user',
			content: text,
			timestamp: seconds,
			models: [model.id],
		};
		await this.#answer(question, [question], model, sid, onCreated);
	}

	/** Asks again for the answer `failed`; the new answer stands beside it. */
	async retry(failed: ChatMessage, model: Model, sid: string | undefined): Promise<void> {
		const question = failed.parentId === null ? undefined : this.#messages.get(failed.parentId);
		if (question) await this.#answer(question, [], model, sid, () => undefined);
	}

	async #answer(
		question: ChatMessage,
		added: ChatMessage[],
		model: Model,
		sid: string | undefined,
		onCreated: (chat: Chat) => void,
	): Promise<void> {
		const first = this.#id === null;
		const answer: ChatMessage = {
			id: uuid(),
			parentId: question.id,
			childrenIds: [],
			role: 'assistant',
			content: '',
			model: model.id,
			modelName: model.name,
			modelIdx: 0,
			timestamp: Math.floor(this.#now() / 1000),
		};
		this.#hold(withMessages(this.#messages, [...added, answer]), answer.id);
		this.#model = model.id;
		this.#asked.add(answer.id);
		this.#starting.add(answer.id);
		this.#running = new Set([...this.#running, answer.id]);
		try {
			const id = await this.#store(model, onCreated);
			const line = thread(this.#messages, question.id);
			await this.#api.complete({
				stream: true,
				model: model.id,
				messages: line.map(({ role, content }) => ({ role, content })),
				session_id: sid ?? 'none',
				chat_id: id,
				id: answer.id,
				parent_id: question.id,
				parent_message: question,
				background_tasks: { title_generation: first },
			});
		} catch (error) {
			const text = error instanceof Error ? error.message : 'The question was not sent.';
			this.#edit(answer.id, (message) => ({ ...message, done: true, error: { content: text } }));
			this.#stop(answer.id);
		} finally {
			this.#starting.delete(answer.id);
		}
	}

	/** Stores the turn; a new chat is made with it. */
	async #store(model: Model, onCreated: (chat: Chat) => void): Promise<ChatId> {
		const history = toHistory(this.#messages, this.#currentId);
		const body: Omit<ChatBody, 'title'> = { models: [model.id], history, messages: [...this.#line] };
		if (this.#id !== null) {
			await this.#api.update(this.#id, body);
			return this.#id;
		}
		const chat = await this.#api.create({ ...body, title: NEW_TITLE, timestamp: this.#now() });
		this.#title = chat.title;
		this.#follow(chat.id);
		onCreated(chat);
		return chat.id;
	}

	/** A piece of an answer, or what else is told of this chat without a number. */
	hear(event: ChatEvent): void {
		if (this.#heard) this.#heard.push(event);
		else this.#apply(event);
	}

	#apply(event: ChatEvent): void {
		const { data, message_id: id } = event;
		switch (data.type) {
			case 'chat:completion':
				if (id !== null) this.#completion(id, event, data.data);
				break;
			case 'chat:messages':
				this.#told(data.data.messages, data.data.currentId);
				break;
			case 'chat:message:error':
				if (id === null) break;
				this.#edit(id, (message) => ({ ...message, done: true, error: asError(data.data.error) }));
				this.#stop(id);
				break;
			case 'chat:tasks:cancel':
				for (const one of this.#running) this.#edit(one, (message) => ({ ...message, done: true }));
				this.#running = new Set();
				break;
			case 'message':
			case 'chat:message:delta':
				if (id !== null) this.#edit(id, (one) => ({ ...one, content: one.content + data.data.content }));
				break;
			case 'replace':
			case 'chat:message':
				if (id !== null) this.#edit(id, (one) => ({ ...one, content: data.data.content }));
				break;
			case 'chat:title':
				this.#title = data.data;
				break;
			case 'chat:list':
				if (data.data?.title !== undefined) this.#title = data.data.title;
				if (data.data?.deleted) this.#isDeleted = true;
				break;
			case 'notification':
				break;
			default:
				data satisfies never;
		}
	}

	renamed(title: string): void {
		this.#title = title;
	}

	#completion(id: MessageId, event: ChatEvent, data: Parameters<typeof completed>[1]): void {
		const held = this.#messages.get(id);
		if (!held) {
			this.reload();
			return;
		}
		const { message, gap } = completed(held, data, event.run?.offset);
		this.#edit(id, () => message);
		if (data.title !== undefined && data.done) this.#title = data.title;
		if (message.done || message.error) this.#stop(id);
		else this.#running = this.#running.has(id) ? this.#running : new Set([...this.#running, id]);
		if (gap) this.reload();
	}

	#told(messages: Record<MessageId, ChatMessage>, currentId: MessageId | null): void {
		const told = Object.entries(messages).map(([id, message]) => taken(this.#messages.get(id), id, message));
		const next = withMessages(this.#messages, told);
		this.#hold(next, currentId !== null && next.has(currentId) ? currentId : this.#currentId);
		const last = this.#currentId === null ? undefined : this.#messages.get(this.#currentId);
		if (last?.role === 'assistant' && !last.done && !last.error)
			this.#running = new Set([...this.#running, last.id]);
	}

	#edit(id: MessageId, change: (message: ChatMessage) => ChatMessage): void {
		const held = this.#messages.get(id);
		if (held) this.#hold(new Map(this.#messages).set(id, change(held)), this.#currentId);
	}

	#hold(messages: ReadonlyMap<MessageId, ChatMessage>, currentId: MessageId | null): void {
		this.#messages = messages;
		this.#currentId = currentId;
		this.#line = thread(messages, currentId);
	}

	#stop(id: MessageId): void {
		this.#running = new Set([...this.#running].filter((one) => one !== id));
	}
}

function asError(error: unknown): { content: unknown } {
	return typeof error === 'object' && error !== null && 'content' in error
		? (error as { content: unknown })
		: { content: error };
}
