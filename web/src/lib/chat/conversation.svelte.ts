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
} from '@tidings/client';
import { completed, failure, fromHistory, taken, thread, toHistory, withMessages } from './history';

export type ChatsApi = Pick<Api['chats'], 'get' | 'create' | 'update' | 'complete' | 'runningTasks'>;

export const NEW_TITLE = 'New chat';

export class Conversation {
	readonly #api: ChatsApi;
	readonly #now: () => number;
	#id = $state<ChatId | null>(null);
	#title = $state(NEW_TITLE);
	#model = $state<string | null>(null);
	#messages: ReadonlyMap<MessageId, ChatMessage> = new Map();
	#currentId: MessageId | null = null;
	/** Kept, not derived: a chat outlives the page that opened it, and what a page derives ends with the page. */
	#line = $state.raw<ChatMessage[]>([]);
	#running = $state.raw<ReadonlySet<MessageId>>(new Set());
	#state = $state<'loading' | 'ready' | 'failed' | 'missing'>('ready');
	#loading = false;
	#asked = new Set<MessageId>();

	constructor(api: ChatsApi, id: ChatId | null = null, now: () => number = Date.now) {
		this.#api = api;
		this.#now = now;
		this.#id = id;
		if (id !== null) this.#state = 'loading';
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
	get state() {
		return this.#state;
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

	async load(): Promise<void> {
		const id = this.#id;
		if (id === null || this.#loading) return;
		this.#loading = true;
		try {
			const chat = await this.#api.get(id);
			const tasks = await this.#api.runningTasks(id).catch(() => []);
			this.#take(chat, tasks.length > 0);
		} catch (error) {
			const gone = error instanceof ApiError && [401, 403, 404].includes(error.status);
			if (gone) this.#state = 'missing';
			else if (this.#state === 'loading') this.#state = 'failed';
		} finally {
			this.#loading = false;
		}
	}

	#take(chat: Chat, running: boolean): void {
		const { messages, currentId } = fromHistory(chat.chat.history);
		const held = this.#messages;
		for (const [id, message] of messages) messages.set(id, taken(held.get(id), id, message));
		this.#hold(messages, currentId);
		this.#title = chat.title;
		this.#model = chat.chat.models?.[0] ?? this.#model;
		const last = currentId === null ? undefined : messages.get(currentId);
		this.#running = new Set(running && last && last.role === 'assistant' && !last.done ? [last.id] : []);
		this.#state = 'ready';
	}

	/**
	 * Asks `model` and returns once the question is stored and the answer has begun. A new chat gets its id through
	 * `onCreated` before the model is asked.
	 */
	async ask(text: string, model: Model, sid: string | undefined, onCreated: (chat: Chat) => void): Promise<void> {
		const seconds = Math.floor(this.#now() / 1000);
		const parentId = this.#currentId;
		const question: ChatMessage = {
			id: crypto.randomUUID(),
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
			id: crypto.randomUUID(),
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
		this.#id = chat.id;
		this.#title = chat.title;
		onCreated(chat);
		return chat.id;
	}

	/** Applies an event of this chat. */
	apply(event: ChatEvent): void {
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
				if (data.data?.deleted) this.#state = 'missing';
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
			void this.load();
			return;
		}
		const { message, gap } = completed(held, data, event.run?.offset);
		this.#edit(id, () => message);
		if (data.title !== undefined && data.done) this.#title = data.title;
		if (message.done || message.error) this.#stop(id);
		else this.#running = this.#running.has(id) ? this.#running : new Set([...this.#running, id]);
		if (gap) void this.load();
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
