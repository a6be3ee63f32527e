/**
 * The messages of the channels that were opened in this tab: history by pages, and every change since.
 */
import { earliest, type Api, type ChannelId, type Message, type MessageId, type NumberedEvent } from '@tidings/client';
import type { Snapshot } from '@tidings/client';
import { Followed, type Live } from '../live/followed.svelte';
import { merged, without } from './message-list';

export const PAGE = 50;
/** When much is fetched again, in pages of this size: the server's largest. */
const BIG_PAGE = 200;
/** How far down what is held is looked for when it is fetched again. Beyond, reading begins anew at the newest page. */
export const MAX_AGAIN = 2_000;
/** How many large pages one goes back at a time to where something begins. */
const REACH_PAGES = 25;
/** How many channels are kept whole at once; the one that was opened longest ago is let go. */
const MAX_LISTS = 20;

export type MessagesApi = Pick<Api['snapshots'], 'messages'>;

export class MessageList {
	readonly channelId: ChannelId;
	readonly #api: MessagesApi;
	readonly #followed: Followed<{ messages: Message[]; more: boolean }>;
	#messages = $state.raw<Message[]>([]);
	/** Deleted since the last fetch: an older page that was on its way does not bring it back. */
	#removed = new Set<MessageId>();
	#older = $state<'none' | 'more' | 'loading' | 'failed'>('more');
	/** The first fetch goes back to this number, where one was reading before. */
	#downTo = Number.POSITIVE_INFINITY;
	#fetched = $state(0);
	#underWay: Promise<void> | null = null;

	constructor(channelId: ChannelId, api: MessagesApi, live: Live) {
		this.channelId = channelId;
		this.#api = api;
		this.#followed = new Followed(live, {
			rooms: [`channel:${channelId}`],
			load: () => this.#load(),
			replace: ({ messages, more }) => {
				// The truth of now: a restored database has again what was deleted.
				this.#removed.clear();
				this.#messages = merged([], messages, this.#removed);
				this.#older = more ? 'more' : 'none';
				this.#fetched += 1;
			},
			apply: (event) => this.#apply(event),
		});
	}

	get messages(): readonly Message[] {
		return this.#messages;
	}
	get state() {
		return this.#followed.stage;
	}
	/** Whether there is history above what is held. */
	get older() {
		return this.#older;
	}
	/** How often all of it was replaced by what the server had. */
	get fetched(): number {
		return this.#fetched;
	}
	/** What was missed is on its way, all at once. */
	get isFetchingAgain(): boolean {
		return this.#followed.isFetchingAgain;
	}

	/** Fetches the newest page, or as many as reach down to the message `downTo`. */
	open(downTo = Number.POSITIVE_INFINITY): void {
		this.#downTo = downTo;
		this.#followed.open();
	}

	retry(): void {
		this.#followed.retry();
	}

	/** Fetches again what is held. */
	reload(): Promise<void> {
		return this.#followed.reload();
	}

	close(): void {
		this.#followed.close();
	}

	/** As much as is held, in place of it; at first a page, and a page too if so much was missed that it is out of reach. */
	async #load(): Promise<Snapshot<{ messages: Message[]; more: boolean }>> {
		const held = this.#messages;
		const downTo = Math.min(held.find((one) => one.no)?.no ?? Number.POSITIVE_INFINITY, this.#downTo);
		const first = held.length > PAGE || Number.isFinite(this.#downTo) ? BIG_PAGE : PAGE;
		const messages: Message[] = [];
		const heads = [];
		for (;;) {
			// The last one comes along again: if it does not, something was deleted meanwhile and another fell between.
			const last = messages.at(-1);
			const size = last ? BIG_PAGE : first;
			const page = await this.#api.messages(this.channelId, Math.max(0, messages.length - 1), size);
			const at = last ? page.body.findIndex((one) => one.id === last.id) : 0;
			if (at < 0) throw new Error('The messages moved while they were fetched.');
			messages.push(...page.body.slice(last ? at + 1 : 0));
			heads.push(page.heads);
			const more = page.body.length === size;
			const reached = Number.isFinite(downTo) ? (page.body.at(-1)?.no ?? 0) <= downTo : true;
			const isOutOfReach = more && !reached && messages.length >= MAX_AGAIN;
			if (isOutOfReach) messages.splice(PAGE);
			if (!more || reached || isOutOfReach) {
				this.#downTo = Number.POSITIVE_INFINITY;
				return { body: { messages, more }, heads: earliest(...heads) };
			}
		}
	}

	/** Whether the message after number `no` is further up than what is held. */
	isAbove(no: number): boolean {
		return this.#older !== 'none' && (this.#messages.find((one) => one.no)?.no ?? 0) > no + 1;
	}

	/** Loads older pages until the message after number `no` is here, or 5,000 more are, or one could not be loaded. */
	async reach(no: number): Promise<void> {
		for (let page = 0; page < REACH_PAGES && this.isAbove(no); page += 1) {
			const before = this.#messages.length;
			await this.loadOlder(BIG_PAGE - 1);
			if (this.#messages.length <= before) return;
		}
	}

	/** One page at a time: who asks meanwhile waits for the same. */
	loadOlder(count = PAGE): Promise<void> {
		if (this.state !== 'ready' || this.#older === 'none') return Promise.resolve();
		this.#underWay ??= this.#loadOlder(count).finally(() => (this.#underWay = null));
		return this.#underWay;
	}

	async #loadOlder(count: number): Promise<void> {
		this.#older = 'loading';
		try {
			// One that is held comes along: if it does not, the pages have shifted and would leave a hole.
			const last = this.#messages[0];
			const skip = Math.max(0, this.#messages.length - 1);
			const { body } = await this.#api.messages(this.channelId, skip, count + 1);
			if (last && !body.some((one) => one.id === last.id)) {
				this.#older = 'more';
				return void this.reload();
			}
			this.#messages = merged(this.#messages, body, this.#removed);
			this.#older = body.length > count ? 'more' : 'none';
		} catch {
			this.#older = 'failed';
		}
	}

	#apply(event: NumberedEvent): void {
		if (event.name !== 'events:channel') return;
		const { data } = event.payload;
		switch (data.type) {
			case 'message':
				return this.put(data.data);
			case 'message:update':
			case 'message:reply':
			case 'message:reaction:add':
			case 'message:reaction:remove':
				return this.update(data.data);
			case 'message:delete':
				return this.drop(data.data.id);
		}
	}

	/** A message was posted, here or elsewhere. */
	put(message: Message): void {
		if (this.state === 'ready') this.#messages = merged(this.#messages, [message], this.#removed);
	}

	/** An edit of something that is not held (an older page) waits until that page is fetched. */
	update(message: Message): void {
		if (this.#messages.some((held) => held.id === message.id)) this.put(message);
	}

	/** The answer to an edit of our own, which says less than the event. */
	edited({ id, content, updated_at }: Pick<Message, 'id' | 'content' | 'updated_at'>): void {
		const held = this.#messages.find((message) => message.id === id);
		if (held) this.put({ ...held, content, updated_at });
	}

	drop(id: MessageId): void {
		this.#removed.add(id);
		this.#messages = without(this.#messages, id);
	}
}

/** One list per channel that was opened in this tab. */
export class Messages {
	readonly #api: MessagesApi;
	readonly #live: Live;
	/** The one opened last is last. */
	#lists = new Map<ChannelId, MessageList>();

	constructor(api: MessagesApi, live: Live) {
		this.#api = api;
		this.#live = live;
	}

	held(id: ChannelId): MessageList | undefined {
		return this.#lists.get(id);
	}

	/** The list of a channel, made on first use. Call `open` to fill it. */
	of(id: ChannelId): MessageList {
		const list = this.#lists.get(id) ?? new MessageList(id, this.#api, this.#live);
		this.#lists.delete(id);
		this.#lists.set(id, list);
		for (const oldest of this.#lists.keys()) {
			if (this.#lists.size <= MAX_LISTS) break;
			this.forget(oldest);
		}
		return list;
	}

	/** Names or texts of others may have changed unheard. */
	reload(): void {
		for (const list of this.#lists.values()) void list.reload();
	}

	forget(id: ChannelId): void {
		this.#lists.get(id)?.close();
		this.#lists.delete(id);
	}
}
