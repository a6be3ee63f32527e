/**
 * The open channels' messages: history by pages, live changes, and our own posts until they are confirmed.
 */
import { Unreachable, type Api, type ChannelId, type Message, type MessageId, type UserId } from '@tidings/client';
import { confirmed, merged, without, type Pending } from './message-list';

export const PAGE = 50;
/** How far back a refetch goes at most; what lies before is fetched again when scrolled to. */
const REFRESH_PAGES = 6;

/** How long a message waits for the connection before its author is asked, in milliseconds. */
export const GIVE_UP_MS = 30_000;

type ChannelsApi = Pick<Api['channels'], 'messages' | 'post' | 'edit' | 'removeMessage'>;

export class MessageList {
	readonly channelId: ChannelId;
	readonly #api: ChannelsApi;
	readonly #now: () => number;
	#messages = $state.raw<Message[]>([]);
	#pending = $state.raw<Pending[]>([]);
	#removed = new Set<MessageId>();
	#heard: Message[] | null = null;
	#state = $state<'unknown' | 'loading' | 'ready' | 'failed'>('unknown');
	#older = $state<'none' | 'more' | 'loading' | 'failed'>('more');
	#error = $state.raw<unknown>(null);

	constructor(channelId: ChannelId, api: ChannelsApi, now: () => number = Date.now) {
		this.channelId = channelId;
		this.#api = api;
		this.#now = now;
	}

	get messages(): readonly Message[] {
		return this.#messages;
	}
	get pending(): readonly Pending[] {
		return this.#pending;
	}
	get state() {
		return this.#state;
	}
	/** Whether there is history above what is held. */
	get older() {
		return this.#older;
	}
	get error(): unknown {
		return this.#error;
	}

	/** Fetches as much as is held (at least a page) and takes it as the truth; live changes meanwhile are kept. */
	async refresh(): Promise<void> {
		if (this.#state === 'loading') return;
		const first = this.#state !== 'ready';
		if (first) this.#state = 'loading';
		const wanted = Math.min(Math.max(this.#messages.length, PAGE), PAGE * REFRESH_PAGES);
		const heard: Message[] = [];
		this.#heard = heard;
		try {
			const fetched: Message[] = [];
			let more = true;
			while (more && fetched.length < wanted) {
				const page = await this.#api.messages(this.channelId, fetched.length, PAGE);
				fetched.push(...page);
				more = page.length === PAGE;
			}
			this.#messages = merged(merged([], fetched, this.#removed), heard, this.#removed);
			this.#older = more ? 'more' : 'none';
			this.#state = 'ready';
			this.#error = null;
		} catch (error) {
			this.#error = error;
			if (first) this.#state = 'failed';
		} finally {
			if (this.#heard === heard) this.#heard = null;
		}
	}

	async loadOlder(): Promise<void> {
		if (this.#state !== 'ready' || (this.#older !== 'more' && this.#older !== 'failed')) return;
		this.#older = 'loading';
		try {
			const page = await this.#api.messages(this.channelId, this.#messages.length, PAGE);
			this.#messages = merged(this.#messages, page, this.#removed);
			this.#older = page.length === PAGE ? 'more' : 'none';
		} catch {
			this.#older = 'failed';
		}
	}

	/** A message was posted or edited, here or elsewhere. */
	put(message: Message, temp_id: string | null | undefined = message.temp_id): void {
		this.#heard?.push(message);
		this.#pending = confirmed(this.#pending, temp_id);
		if (this.#state === 'ready') this.#messages = merged(this.#messages, [message], this.#removed);
	}

	/** An edit of something that is not held (an older page) waits until that page is fetched. */
	update(message: Message): void {
		if (this.#messages.some((held) => held.id === message.id) || this.#heard) this.put(message, null);
	}

	drop(id: MessageId): void {
		this.#removed.add(id);
		this.#messages = without(this.#messages, id);
	}

	async post(
		content: string,
		me: { id: UserId; name: string },
		temp_id: string = crypto.randomUUID(),
	): Promise<void> {
		const waiting: Pending = { temp_id, content, at: this.#now(), state: 'sending' };
		const known = this.#pending.some((one) => one.temp_id === temp_id);
		this.#pending = known
			? this.#pending.map((one) => (one.temp_id === temp_id ? waiting : one))
			: [...this.#pending, waiting];
		try {
			const stored = await this.#api.post(this.channelId, { content, temp_id });
			this.put({ ...stored, user: stored.user ?? me }, temp_id);
		} catch (error) {
			if (error instanceof Unreachable) this.#wait(temp_id);
			else this.#fail(temp_id, error instanceof Error ? error.message : 'The message was not sent.');
		}
	}

	/** The connection is back: what could not be sent goes out now, in the order it was written. */
	async resend(me: { id: UserId; name: string }): Promise<void> {
		for (const one of this.#pending) if (one.state === 'waiting') await this.retry(one.temp_id, me);
	}

	/** Sends a failed message again under the same `temp_id`, so that it cannot appear twice. */
	retry(temp_id: string, me: { id: UserId; name: string }): Promise<void> {
		const failed = this.#pending.find((one) => one.temp_id === temp_id);
		return failed ? this.post(failed.content, me, temp_id) : Promise.resolve();
	}

	#wait(temp_id: string): void {
		this.#mark(temp_id, { state: 'waiting' });
		setTimeout(() => {
			const waits = this.#pending.some((one) => one.temp_id === temp_id && one.state === 'waiting');
			if (waits) this.#fail(temp_id, 'The server could not be reached.');
		}, GIVE_UP_MS);
	}

	#fail(temp_id: string, reason: string): void {
		this.#mark(temp_id, { state: 'failed', reason });
	}

	#mark(temp_id: string, change: Partial<Pending>): void {
		this.#pending = this.#pending.map((one) => (one.temp_id === temp_id ? { ...one, ...change } : one));
	}

	discard(temp_id: string): void {
		this.#pending = confirmed(this.#pending, temp_id);
	}

	/** Throws what the server says. */
	async edit(id: MessageId, content: string): Promise<void> {
		const stored = await this.#api.edit(this.channelId, id, content);
		const held = this.#messages.find((message) => message.id === id);
		if (held) this.put({ ...held, content: stored.content, updated_at: stored.updated_at }, null);
	}

	/** Throws what the server says. */
	async remove(id: MessageId): Promise<void> {
		await this.#api.removeMessage(this.channelId, id);
		this.drop(id);
	}
}

/** One list per channel that was opened in this tab. */
export class Messages {
	readonly #api: ChannelsApi;
	#lists = new Map<ChannelId, MessageList>();
	/** Lists whose content may have holes: the connection was away since they were fetched. */
	#stale = new Set<ChannelId>();

	constructor(api: ChannelsApi) {
		this.#api = api;
	}

	held(id: ChannelId): MessageList | undefined {
		return this.#lists.get(id);
	}

	/** The list of a channel, made on first use. Call `open` to fill it. */
	of(id: ChannelId): MessageList {
		let list = this.#lists.get(id);
		if (!list) {
			list = new MessageList(id, this.#api);
			this.#lists.set(id, list);
		}
		return list;
	}

	/** Fetches what is not held or may be out of date. */
	open(id: ChannelId): void {
		const list = this.of(id);
		const stale = this.#stale.delete(id);
		if (list.state === 'unknown' || list.state === 'failed' || stale) void list.refresh();
	}

	/** After a time away: the open channel is fetched again now, the others when they are opened. */
	cameBack(open: ChannelId | null, me: { id: UserId; name: string }): void {
		for (const [id, list] of this.#lists) {
			this.#stale.add(id);
			void list.resend(me);
		}
		if (open !== null && this.#lists.has(open)) this.open(open);
	}

	forget(id: ChannelId): void {
		this.#lists.delete(id);
		this.#stale.delete(id);
	}
}
