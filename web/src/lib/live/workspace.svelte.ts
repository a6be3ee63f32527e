/**
 * Everything one signed-in person sees in this tab, made once and thrown away with the person. It owns the connection,
 * hands events to `routeEvent`, and fetches again whatever may have been missed.
 */
import { Live, Positions, type ChannelId, type ServerEvent } from '@tidings/client';
import { createContext } from 'svelte';
import type { Session } from '../auth/session.svelte';
import { Channels } from '../channels/channels.svelte';
import { Drafts } from '../channels/drafts';
import { Members } from '../channels/members.svelte';
import { Messages } from '../channels/messages.svelte';
import { Typing } from '../channels/typing.svelte';
import { Chats } from '../chat/chats.svelte';
import { Conversations } from '../chat/conversations.svelte';
import { Models } from '../chat/models.svelte';
import { Memory, type MemoryToaster } from '../memory/memory.svelte';
import { Notices, type Toaster } from '../notifications/notices.svelte';
import { People } from '../people/people.svelte';
import { Connection } from './connection.svelte';
import { routeEvent } from './route-event';

/** How long the first lists wait for the connection, so that they are fetched once, in milliseconds. */
const FIRST_WAIT_MS = 400;
/** Read markers go out at most this often per channel, in milliseconds. */
const READ_EVERY_MS = 1_000;

/** How long a socket that was sent away waits before it comes back with the rights of now, in milliseconds. */
const RETURN_AFTER_MS = 1_000;

export class Workspace {
	readonly session: Session;
	readonly people: People;
	readonly channels: Channels;
	readonly messages: Messages;
	readonly members: Members;
	readonly typing: Typing;
	readonly drafts = new Drafts();
	readonly chats: Chats;
	readonly conversations: Conversations;
	readonly models: Models;
	readonly notices: Notices;
	readonly memory: Memory;
	readonly connection = new Connection();
	readonly #live: Live;
	readonly #positions = new Positions();
	#readSent = new Map<ChannelId, { no: number; at: number }>();
	#firstLoad: ReturnType<typeof setTimeout> | undefined;
	#returning: ReturnType<typeof setTimeout> | undefined;
	#repair: ReturnType<typeof setTimeout> | undefined;

	constructor(session: Session, toaster: Toaster, memoryToaster: MemoryToaster) {
		const { api, user } = session;
		if (!user) throw new Error('a workspace needs a person');
		this.session = session;
		this.people = new People(user, api.people.picture);
		this.channels = new Channels(api.channels, this.people);
		this.messages = new Messages(api.channels);
		this.members = new Members(api.channels, this.people);
		this.typing = new Typing(user.id);
		this.chats = new Chats(api.chats);
		this.conversations = new Conversations(api.chats);
		this.models = new Models(api);
		const isLookedAt = () => document.visibilityState === 'visible';
		this.notices = new Notices(toaster, isLookedAt);
		this.memory = new Memory(api.memory, user.id, memoryToaster, isLookedAt);
		this.#live = new Live({
			token: () => session.token,
			onEvent: (event) => this.#received(event),
			onState: (state) => {
				this.connection.changed(state);
				if (state.phase === 'closed' && state.byServer) void this.#sentAway();
			},
		});
	}

	get me(): { id: string; name: string } {
		const user = this.session.user;
		return { id: this.people.meId, name: this.people.name(this.people.meId, user?.name) };
	}

	start(): void {
		this.#live.connect();
		this.#firstLoad = setTimeout(() => this.#load(), FIRST_WAIT_MS);
	}

	stop(): void {
		clearTimeout(this.#firstLoad);
		clearTimeout(this.#repair);
		clearTimeout(this.#returning);
		this.#live.close();
		this.connection.stop();
		this.typing.stop();
	}

	retryNow(): void {
		this.#live.retryNow();
	}

	/** A keystroke in a channel's composer. */
	typed(channel: ChannelId): void {
		if (!this.typing.shouldSend(channel)) return;
		const data = { type: 'typing', data: { typing: true } } as const;
		this.#live.send('events:channel', { channel_id: channel, message_id: null, data });
	}

	/** The channel was seen down to its end: moves the read marker, once per message and not more than once a second. */
	sawAll(channel: ChannelId): void {
		const { unread } = this.channels;
		const no = unread.lastNo(channel);
		if (no <= unread.readNo(channel)) return;
		const sent = this.#readSent.get(channel);
		const now = Date.now();
		if (sent && sent.no >= no && now - sent.at < 10 * READ_EVERY_MS) return;
		if (sent && now - sent.at < READ_EVERY_MS) {
			setTimeout(() => this.notices.openChannel === channel && this.sawAll(channel), READ_EVERY_MS);
			return;
		}
		const data = { type: 'last_read_at', data: { read_no: no } } as const;
		if (this.#live.send('events:channel', { channel_id: channel, message_id: null, data })) {
			this.#readSent.set(channel, { no, at: now });
		}
	}

	/** Sets the marker so that this message and what follows are unread. Throws what the server says. */
	async markUnread(channel: ChannelId, no: number): Promise<void> {
		this.#readSent.delete(channel);
		this.channels.unread.marked(await this.session.api.channels.read(channel, no - 1));
	}

	post(channel: ChannelId, content: string): void {
		this.typing.sent(channel);
		void this.messages.of(channel).post(content, this.me);
	}

	#received(event: ServerEvent): void {
		if (event.name === 'ready') {
			this.#positions.ready(event.payload);
			clearTimeout(this.#firstLoad);
			this.#readSent.clear();
			this.#load();
			return;
		}
		if (event.name === 'joined') return this.#positions.joined(event.payload);
		if (event.name === 'left') return this.#positions.left(event.payload.room);
		const verdict = this.#positions.accept(event.payload as { room?: string; seq?: number });
		if (verdict === 'drop') return;
		routeEvent(event, {
			people: this.people,
			channels: this.channels,
			messages: this.messages,
			members: this.members,
			typing: this.typing,
			chats: this.chats,
			conversations: this.conversations,
			notices: this.notices,
			memory: this.memory,
			meChanged: (change) => this.session.changed(change),
		});
		if (verdict === 'gap') this.#repairSoon();
	}

	/** Something is missing from a room: everything that is on screen is fetched again, once for many holes. */
	#repairSoon(): void {
		this.#repair ??= setTimeout(() => {
			this.#repair = undefined;
			this.#load();
		}, READ_EVERY_MS);
	}

	#load(): void {
		const open = this.notices.openChannel;
		const { api } = this.session;
		void this.channels.load();
		void this.chats.load();
		void this.models.load();
		void this.people.loadOnline(() => api.people.online()).catch(() => undefined);
		this.messages.cameBack(open, this.me);
		this.members.cameBack(open);
		this.conversations.cameBack();
		this.memory.cameBack();
		void api.version().then(
			(version) => this.connection.served(version),
			() => undefined,
		);
	}

	/** The server wants this socket to stay away: find out who we are now, and come back if we still are somebody. */
	async #sentAway(): Promise<void> {
		const before = this.session.user?.id;
		await this.session.recheck();
		if (this.session.stage !== 'signed-in' || this.session.user?.id !== before) return;
		this.#returning = setTimeout(() => this.#live.connect(), RETURN_AFTER_MS);
	}
}

export const [getWorkspace, setWorkspace] = createContext<Workspace>();
