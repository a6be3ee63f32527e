/**
 * Everything one signed-in person sees in this tab, made once and thrown away with the person. It owns the connection;
 * each store follows the rooms that change it, and what remains of events goes through `routeEvent`.
 */
import { createTidings, type CaughtUp, type ChannelId, type Tidings } from '@tidings/client';
import { createContext } from 'svelte';
import type { Session } from '../auth/session.svelte';
import { Channels } from '../channels/channels.svelte';
import { Drafts } from '../channels/drafts';
import { Members } from '../channels/members.svelte';
import { Messages } from '../channels/messages.svelte';
import { ReadMarkers } from '../channels/read-markers';
import { Typing } from '../channels/typing.svelte';
import { Unsent } from '../channels/unsent.svelte';
import { Chats } from '../chat/chats.svelte';
import { Conversations } from '../chat/conversations.svelte';
import { Models } from '../chat/models.svelte';
import { Memory, type MemoryToaster } from '../memory/memory.svelte';
import { Notices, type Toaster } from '../notifications/notices.svelte';
import { People } from '../people/people.svelte';
import { ReadingPlaces } from '../shell/reading-places';
import { Connection } from './connection.svelte';
import { routeEvent } from './route-event';

/** How long a socket that was sent away waits before it comes back with the rights of now, in milliseconds. */
const RETURN_AFTER_MS = 1_000;

export class Workspace {
	readonly session: Session;
	readonly people: People;
	readonly channels: Channels;
	readonly messages: Messages;
	readonly members: Members;
	readonly typing: Typing;
	readonly unsent: Unsent;
	readonly drafts: Drafts;
	readonly places: ReadingPlaces;
	readonly chats: Chats;
	readonly conversations: Conversations;
	readonly models: Models;
	readonly notices: Notices;
	readonly memory: Memory;
	readonly connection = new Connection();
	readonly #tidings: Tidings;
	readonly #markers: ReadMarkers;
	#returning: ReturnType<typeof setTimeout> | undefined;

	constructor(session: Session, toaster: Toaster, memoryToaster: MemoryToaster) {
		const { api, user } = session;
		if (!user) throw new Error('a workspace needs a person');
		this.session = session;
		const live = createTidings({
			token: () => session.token,
			person: user.id,
			api,
			onUnauthorized: () => void session.recheck(),
		});
		this.#tidings = live;
		session.onSilence = () => live.doubt();
		this.people = new People(
			user,
			{ ...api.people, online: api.snapshots.online },
			live,
			() => this.connection.isAway,
		);
		this.channels = new Channels({ ...api.channels, ...api.snapshots }, this.people, live);
		this.messages = new Messages(api.snapshots, live);
		this.members = new Members(api.snapshots, this.people, live);
		this.typing = new Typing(user.id);
		this.unsent = new Unsent(live, this.messages, this.channels.unread);
		this.#markers = new ReadMarkers({
			readNo: (channel) => this.channels.unread.readNo(channel),
			isLive: () => this.connection.isLive,
			send: (channel, no) => {
				const data = { type: 'last_read_at', data: { read_no: no } } as const;
				return live.send('events:channel', { channel_id: channel, message_id: null, data });
			},
			keep: (channel, no) => this.unsent.read(channel, no),
		});
		this.drafts = new Drafts(user.id);
		this.places = new ReadingPlaces(user.id);
		this.chats = new Chats({ ...api.chats, ...api.snapshots }, user.id, live);
		this.conversations = new Conversations({ api: { ...api.chats, ...api.snapshots }, live, meId: user.id });
		this.models = new Models(api);
		const isLookedAt = () => document.visibilityState === 'visible';
		this.notices = new Notices(toaster, isLookedAt);
		this.memory = new Memory(api.memory, user.id, live, memoryToaster, isLookedAt);
		const targets = { ...this, meChanged: this.session.changed.bind(this.session) };
		live.onEvent((event) => routeEvent(event, targets, live.state.phase === 'live'));
		live.onState((state) => {
			this.connection.changed(state);
			// Nobody would tell us when they stop.
			if (state.phase === 'offline') this.typing.clear();
			if (state.phase === 'closed' && state.by !== 'client') void this.#sentAway();
		});
		live.onCaughtUp((back) => this.#cameBack(back));
	}

	get me(): { id: string; name: string } {
		const user = this.session.user;
		return { id: this.people.meId, name: this.people.name(this.people.meId, user?.name) };
	}

	start(): void {
		this.connection.changed(this.#tidings.state);
		this.#tidings.start();
		this.people.open();
		this.channels.open();
		this.chats.open();
		this.memory.open();
		void this.models.load();
	}

	stop(): void {
		clearTimeout(this.#returning);
		this.#markers.stop();
		this.unsent.stop();
		this.#tidings.stop();
		this.connection.stop();
		this.typing.clear();
	}

	/** Forgets who sits here, and leaves nothing of this person in the browser. Throws if the server cannot be told. */
	async signOut(everywhere = false): Promise<void> {
		await this.session.signOut(everywhere, () => {
			this.#markers.stop();
			this.drafts.clear();
			this.places.clear();
			return this.#tidings.signOut();
		});
	}

	retryNow(): void {
		this.#tidings.retryNow();
	}

	/** A keystroke in a channel's composer. */
	typed(channel: ChannelId): void {
		if (!this.typing.shouldSend(channel)) return;
		const data = { type: 'typing', data: { typing: true } } as const;
		this.#tidings.send('events:channel', { channel_id: channel, message_id: null, data });
	}

	/** The channel was seen down to this number: moves the read marker, once per message and not more than once a second. */
	saw(channel: ChannelId, no: number): void {
		this.#markers.saw(channel, no);
	}

	/** Nobody looks at the channel any more, or soon: what was seen of it is told now. */
	left(channel: ChannelId): void {
		this.#markers.flush(channel);
	}

	/** Sets the marker so that this message and what follows are unread. Throws what the server says. */
	async markUnread(channel: ChannelId, no: number): Promise<void> {
		this.#markers.forget(channel);
		this.channels.unread.marked(await this.session.api.channels.read(channel, no - 1));
	}

	/** Throws if it cannot be kept: then the text is still the caller's. */
	async post(channel: ChannelId, content: string): Promise<void> {
		this.typing.sent(channel);
		await this.unsent.post(channel, content);
	}

	#cameBack({ first, refetch }: CaughtUp): void {
		this.#markers.doubt();
		this.conversations.cameBack();
		if (!first) void this.models.load();
		if (refetch.includes('everyone')) {
			this.people.doubt();
			this.messages.reload();
			void this.session.recheck();
		}
		void this.session.api.version().then(
			(version) => this.connection.served(version),
			() => undefined,
		);
	}

	/** The server wants this socket to stay away: find out who we are now, and come back if we still are somebody. */
	async #sentAway(): Promise<void> {
		const before = this.session.user?.id;
		await this.session.recheck();
		if (this.session.stage !== 'signed-in' || this.session.user?.id !== before) return;
		this.#returning = setTimeout(() => this.#tidings.connect(), RETURN_AFTER_MS);
	}
}

export const [getWorkspace, setWorkspace] = createContext<Workspace>();
